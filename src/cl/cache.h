/* cache.h - programs that were built, kept on disk, so that a later run need not build them again.
 *
 * An entry is good for one source, one set of options, one device and one driver: all of that is its key, which the
 * entry holds in full. Whatever is wrong with an entry or its folder, the program is built from source instead. */
#ifndef VGGCL_CL_CACHE_H
#define VGGCL_CL_CACHE_H

#include "cl/device.h"

/* The folder for what is kept of a kind, "programs" or "profiles", made where missing: in $VGGCL_CACHE_DIR (empty:
 * none), else in vggcl in $XDG_CACHE_HOME or ~/.cache. "" where it cannot be made. */
void cache_folder(const char *kind, char folder[VGGCL_PATH_MAX]);

struct cache_key {
    char *text; /* NULL: there is no cache */
    size_t size;
    char path[VGGCL_PATH_MAX]; /* of the entry */
};

/* The key of a program of count sources on d; give it to cache_key_free(). */
enum vggcl_err cache_key_make(const struct dev *d, const char *options, const char *const *sources, size_t count,
                              struct cache_key *key);
void cache_key_free(struct cache_key *key);

/* The built program that key stands for, or NULL; an entry that is broken or that the driver refuses is removed. */
cl_program cache_load(const struct dev *d, const struct cache_key *key, const char *options);

/* Keeps a built program under key, if that can be done. */
void cache_store(const struct cache_key *key, cl_program program);

#endif
