/* hash.h - 64-bit FNV-1a, a hash against accidental changes; it is not cryptographic. */
#ifndef VGGCL_BASE_HASH_H
#define VGGCL_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* The hash of what was hashed before, followed by count bytes; start with HASH_START. */
static inline uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count) {
    for (const unsigned char *b = bytes; count--; b++)
        hash = (hash ^ *b) * UINT64_C(0x100000001b3);
    return hash;
}

/* A faster hash for many bytes, 8 at a time. Its values differ from those of hash_bytes(), and depend on the byte
 * order of the machine.
 */
static inline uint64_t hash_words(uint64_t hash, const void *bytes, size_t count) {
    const unsigned char *b = bytes;
    for (; count >= sizeof hash; count -= sizeof hash, b += sizeof hash) {
        uint64_t word;
        memcpy(&word, b, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32; /* the low bits of a product do not depend on the high bits of its factors */
    }
    return hash_bytes(hash, b, count);
}

#endif
