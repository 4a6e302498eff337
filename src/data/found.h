/* found.h - for errors: what a folder or a file that is no data set is instead, and what to do with it. */
#ifndef VGGCL_DATA_FOUND_H
#define VGGCL_DATA_FOUND_H

#include "base/err.h"

enum { FOUND_TEXT = 3 * VGGCL_PATH_MAX };

/* Whether something is known that the folder or the file `name` is; text then says what, and what to do: "holds Parquet
 * files, ...: python3 ...". recognise: whether a folder holds the files of a data set. */
bool found_known(const char *name, bool (*recognise)(const char *folder), char text[FOUND_TEXT]);

/* "is not a data set that vggcl reads: it holds a, b, c and 4 more": the first three names in byte order, without
 * hidden ones; control characters become '?'. */
void found_names(const char *folder, char text[FOUND_TEXT]);

#endif
