/* hash.h - 64-bit FNV-1a: tells byte strings apart that chance made different; no protection against intent. */
#ifndef VGGCL_BASE_HASH_H
#define VGGCL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* hash, with count bytes added to what it stands for. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count) {
    for (const unsigned char *b = bytes; count--; b++)
        hash = (hash ^ *b) * UINT64_C(0x100000001b3);
    return hash;
}

#endif
