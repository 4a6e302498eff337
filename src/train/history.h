/* history.h - accuracy.csv in the save folder, with one row per epoch. The state of a run holds the same text, so the
 * file is only a copy for people and programs. record.h also reads CSV files of other programs. */
#ifndef VGGCL_TRAIN_HISTORY_H
#define VGGCL_TRAIN_HISTORY_H

#include "base/folder.h"

#include <stdbool.h>

struct history {
    struct vggcl_epoch *rows;
    size_t count;
};

enum vggcl_err history_add(struct history *h, const struct vggcl_epoch *row);

/* Sets *text to a line of column names and a line for each row; the caller frees it. */
enum vggcl_err history_text(const struct history *h, char **text);

/* Writes that text to path in folder, atomically. */
enum vggcl_err history_write(const struct history *h, const struct folder *folder, const char *path);

/* Reads the rows of epochs 1..epochs from path and ignores later rows: a run that was killed may have written rows of
 * epochs that its last saved state does not include. VGGCL_EFORMAT if a column or a row is missing. */
enum vggcl_err history_read(struct history *h, const char *path, int epochs);

/* The same from the text of history_text(); `from` names its source in errors. */
enum vggcl_err history_parse(struct history *h, const char *text, const char *from, int epochs);

/* Whether a text begins with the column names of history_text(). */
bool history_is_own(const char *text);

/* The same with all rows, whose epochs increase, but may have gaps. */
enum vggcl_err history_parse_all(struct history *h, const char *text, const char *from);

/* Reads a file as text, which the caller frees. VGGCL_EFORMAT if it is not text. */
enum vggcl_err history_read_text(const char *path, char **text);

/* Makes path in folder the text of the rows, where it is not. A file that has anything else than the first part of that
 * text is renamed to path.1, path.2, ...; note gets a line about that and about a missing file, else "". */
enum vggcl_err history_restore(const struct history *h, const struct folder *folder, const char *path,
                               char note[static VGGCL_WARNING]);

void history_free(struct history *h);

#endif
