/* sums.h - MD5 sums as md5sum writes them, a line a file: "SUM  NAME". They tell a broken copy from a whole one. */
#ifndef VGGCL_DATA_SUMS_H
#define VGGCL_DATA_SUMS_H

#include "base/err.h"

enum { SUM_SIZE = 33 }; /* 32 hexadecimal digits */

/* The sum that the lines have for name; false where they have none. */
bool sums_find(const char *lines, const char *name, char sum[SUM_SIZE]);

/* Whether the file at path can be read, and has the sum that the lines have for name, if any: VGGCL_EIO, VGGCL_EFORMAT.
 * The error's text is "OF: NAME has ...; FIX": where the file belongs, and what to do about it. */
enum vggcl_err sums_check(const char *path, const char *lines, const char *name, const char *of, const char *fix);

#endif
