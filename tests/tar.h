/* tar.h - archives for tests, good ones and such as nobody should unpack. */
#ifndef VGGCL_TESTS_TAR_H
#define VGGCL_TESTS_TAR_H

#include <stdbool.h>

/* Begins the archive at path, packed by gzip or not. */
void tar_begin(const char *path, bool gzip);

/* Adds the file at path by that name, or text where path is NULL. */
void tar_add(const char *name, const char *path, const char *text);

/* Adds what has no contents: a type of libarchive's (AE_IFLNK, ...; 0 for a hard link), target being what a link leads
 * to. */
void tar_add_other(const char *name, int type, const char *target);

/* Adds a file of so many zeros, which take little room in gzip. */
void tar_add_zeros(const char *name, long long count);

void tar_end(void);

#endif
