/* tar.h - writes tar archives for tests, valid and malicious ones. In a build without libarchive they are empty files:
 * tests that unpack them are left out there. */
#ifndef VGGCL_TESTS_TAR_H
#define VGGCL_TESTS_TAR_H

#include <stdbool.h>

/* Begins the archive at path, optionally compressed with gzip. */
void tar_begin(const char *path, bool gzip);

/* Adds an entry called name with the contents of the file at path, or with text if path is NULL. */
void tar_add(const char *name, const char *path, const char *text);

/* Adds an entry without contents. type is S_IFDIR, S_IFLNK, ..., or 0 for a hard link; target is a link's target. */
void tar_add_other(const char *name, int type, const char *target);

/* Adds a file of `count` zero bytes, which compress well. */
void tar_add_zeros(const char *name, long long count);

void tar_end(void);

#endif
