#define _DEFAULT_SOURCE /* madvise, MAP_ANONYMOUS */
#include "base/mapping.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

static bool map(struct mapping *m, int descriptor, size_t size, int protection, int flags) {
    void *bytes = mmap(NULL, size, protection, flags, descriptor, 0);
    *m = bytes == MAP_FAILED ? (struct mapping){0} : (struct mapping){bytes, size};
    return m->bytes;
}

bool mapping_open(struct mapping *m, int descriptor, size_t size, bool writable) {
    return map(m, descriptor, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED);
}

bool mapping_allocate(struct mapping *m, size_t size) {
    return map(m, -1, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
}

/* Read at random, a page that is missing is read without its neighbours. */
void mapping_seal(const struct mapping *m) {
    mprotect(m->bytes, m->size, PROT_READ);
    madvise(m->bytes, m->size, MADV_RANDOM);
}

void mapping_want(const unsigned char *bytes, size_t count) {
    size_t before = (uintptr_t)bytes % (size_t)sysconf(_SC_PAGESIZE);
    madvise((void *)(bytes - before), before + count, MADV_WILLNEED);
}

void mapping_free(struct mapping *m) {
    if (m->bytes)
        munmap(m->bytes, m->size);
    *m = (struct mapping){0};
}
