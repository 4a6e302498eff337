/* sums.h - checksums in the format of md5sum and sha256sum, "SUM  NAME" on each line: MD5 with 32 hexadecimal digits,
 * SHA-256 with 64. */
#ifndef VGGCL_FETCH_SUMS_H
#define VGGCL_FETCH_SUMS_H

#include "base/err.h"

enum { SUM_SIZE = 65 }; /* of the longest, with its NUL */

/* Finds the sum of the file `name` in lines; false if there is none. */
bool sums_find(const char *lines, const char *name, char sum[SUM_SIZE]);

/* Checks that the file at path can be read (else VGGCL_EIO), and has the sum of `name` in lines, if there is one (else
 * VGGCL_EFORMAT). The error is "OF: NAME has ...; FIX": of names the folder or archive, fix says what to do. */
enum vggcl_err sums_check(const char *path, const char *lines, const char *name, const char *of, const char *fix);

#endif
