/* cache.h - cache of built OpenCL programs on disk, so that later runs do not compile them again.
 *
 * An entry's key is the full text of platform, device, driver version, build options and source; the entry contains it,
 * and the file's name is a hash of it. If the cache cannot be read or written, or an entry is invalid, the program is
 * built from source: that is not an error. */
#ifndef VGGCL_CL_CACHE_H
#define VGGCL_CL_CACHE_H

#include "cl/device.h"

struct cache_key {
    char *text; /* NULL if there is no cache */
    size_t size;
    char path[VGGCL_PATH_MAX]; /* the entry's file */
};

/* Makes the key of a program built from count sources on d, to be freed with cache_key_free(). VGGCL_ENOMEM if the host
 * has no memory left. */
enum vggcl_err cache_key_make(const struct dev *d, const char *options, const char *const *sources, size_t count,
                              struct cache_key *key);
void cache_key_free(struct cache_key *key);

/* Returns the cached program, built for d, owned by the caller; NULL if there is none. An entry that is corrupt or that
 * the driver rejects is deleted. */
cl_program cache_load(const struct dev *d, const struct cache_key *key, const char *options);

/* Writes a built program's binary to the cache; does nothing if that fails. */
void cache_store(const struct cache_key *key, cl_program program);

#endif
