/* found.h - for errors: what a folder that is no data set holds instead. */
#ifndef VGGCL_DATA_FOUND_H
#define VGGCL_DATA_FOUND_H

#include <stdbool.h>

enum { FOUND_TEXT = 512 };

/* Whether the folder holds a published data set in a version that vggcl does not read; text says which, and how to get
 * the right one. */
bool found_other_version(const char *folder, char text[FOUND_TEXT]);

/* "is not a data set that vggcl reads: it holds a, b, c and 4 more": the first three names in byte order, without
 * hidden ones; control characters become '?'. */
void found_names(const char *folder, char text[FOUND_TEXT]);

#endif
