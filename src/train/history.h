/* history.h - accuracy.csv in the save folder, with one row per epoch. vggcl_history() also reads CSV files of other
 * programs. */
#ifndef VGGCL_TRAIN_HISTORY_H
#define VGGCL_TRAIN_HISTORY_H

#include "base/folder.h"

struct history {
    struct vggcl_epoch *rows;
    size_t count;
};

enum vggcl_err history_add(struct history *h, const struct vggcl_epoch *row);

/* Writes a line of column names and all rows to path in folder, atomically. */
enum vggcl_err history_write(const struct history *h, const struct folder *folder, const char *path);

/* Reads the rows of epochs 1..epochs from path and ignores later rows: a run that was killed may have written rows of
 * epochs that its last saved state does not include. VGGCL_EFORMAT if a column or a row is missing. */
enum vggcl_err history_read(struct history *h, const char *path, int epochs);

void history_free(struct history *h);

#endif
