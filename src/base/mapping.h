/* mapping.h - files as memory, which the system reads when it is used and may drop when memory is short. */
#ifndef VGGCL_BASE_MAPPING_H
#define VGGCL_BASE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

struct mapping {
    unsigned char *bytes; /* NULL for none */
    size_t size;
};

/* Maps the first size bytes, at least one, of an open file, which may then be closed and removed, but not truncated. To
 * be writable it must be open for reading and writing. False if the system cannot; *m is {0} then. */
bool mapping_open(struct mapping *m, int descriptor, size_t size, bool writable);

/* The same of a file without a name: memory, all zeros. */
bool mapping_allocate(struct mapping *m, size_t size);

/* From now on the mapping can only be read, in no certain order. */
void mapping_seal(const struct mapping *m);

/* Tells the system that the bytes are needed soon; it reads them while the caller does something else. */
void mapping_want(const unsigned char *bytes, size_t count);

void mapping_free(struct mapping *m);

#endif
