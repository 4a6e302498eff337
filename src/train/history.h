/* history.h - save/accuracy.csv: one row an epoch. vggcl_history() reads those of others too. */
#ifndef VGGCL_TRAIN_HISTORY_H
#define VGGCL_TRAIN_HISTORY_H

#include "base/err.h"

struct history {
    struct vggcl_epoch *rows;
    size_t count;
};

enum vggcl_err history_add(struct history *h, const struct vggcl_epoch *row);

/* Writes all rows to path, below a line of column names: whole or not at all. */
enum vggcl_err history_write(const struct history *h, const char *path);

/* Reads the rows of epochs 1..epochs from path; what is after them is left out (a run that was killed may have written
 * more rows than its state knows of). VGGCL_EFORMAT where a column or a row is not there. */
enum vggcl_err history_read(struct history *h, const char *path, int epochs);

void history_free(struct history *h);

#endif
