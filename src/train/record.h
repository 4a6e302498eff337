/* record.h - accuracy records of vggcl and of other training programs: CSV files with a row, or several, per epoch.
 * Their columns are found by the meaning of their names. */
#ifndef VGGCL_TRAIN_RECORD_H
#define VGGCL_TRAIN_RECORD_H

#include "base/err.h"

#include <stdbool.h>

/* vggcl_history() with the user's own choice of columns. map: NULL-terminated "FIELD=NAME" texts, such as
 * "test_accuracy=top1": that field is in the column NAME of the files that have one. used[i] is set for those that a
 * file has. VGGCL_EUSAGE if FIELD is not a field of an epoch. */
enum vggcl_err record_read(const char *path, const char *const *map, bool *used, struct vggcl_epoch **rows,
                           size_t *count);

#endif
