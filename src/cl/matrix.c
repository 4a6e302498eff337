#include "cl/matrix.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#endif

/* The plain back-end computes with floats what the others do with their instructions. */
static bool any(const struct dev *d) {
    return !d->simt;
}

#if defined(__x86_64__) && defined(__GNUC__)
/* PoCL compiles for the processor that this program runs on, and its assembler knows the instructions of all. */
static bool is_host_cpu(const struct dev *d) {
    return d->info.type == VGGCL_CPU && !d->simt && strcmp(d->info.platform_name, "Portable Computing Language") == 0;
}

/* VDPBF16PS on vectors of 512 bits: AVX512_BF16 is bit 5 of EAX of CPUID's leaf 7.1, AVX512F bit 16 of EBX of leaf 7.0.
 * That the operating system keeps these registers is seen from the driver's vectors of 16 floats. */
static bool has_avx512_bf16(const struct dev *d) {
    unsigned a, b, c, e;
    return is_host_cpu(d) && d->info.native_vector_width >= 16 && __get_cpuid_count(7, 0, &a, &b, &c, &e) &&
           b >> 16 & 1 && __get_cpuid_count(7, 1, &a, &b, &c, &e) && a >> 5 & 1;
}
#else
static bool has_avx512_bf16(const struct dev *d) {
    (void)d;
    return false;
}
#endif

/* Name, number, rows and columns of tiles, fast, suits; in the order in which "auto" tries them. */
#define BACKENDS(row)   row("avx512", 1, 1, 1, true, has_avx512_bf16) row("plain", 0, 1, 1, false, any)
#define BACKEND(...)    {__VA_ARGS__},
#define NAME(name, ...) name,
static const struct matrix_backend backends[] = {BACKENDS(BACKEND)};
enum { BACKEND_COUNT = sizeof backends / sizeof *backends };
const char *const matrix_names[] = {"auto", "none", BACKENDS(NAME) NULL};

const struct matrix_backend *matrix_find(const char *name) {
    for (size_t i = 0; i < BACKEND_COUNT; i++)
        if (strcmp(backends[i].name, name) == 0)
            return &backends[i];
    return NULL;
}

enum vggcl_err matrix_choose(struct dev *d, const char *name) {
    bool automatic = strcmp(name, "auto") == 0;
    const struct matrix_backend *named = matrix_find(name);
    d->matrix = NULL;
    for (size_t i = 0; automatic && i < BACKEND_COUNT && !d->matrix; i++)
        if (backends[i].fast && backends[i].suits(d))
            d->matrix = &backends[i];
    if (automatic || strcmp(name, "none") == 0)
        return VGGCL_OK;
    if (!named)
        return err_choice("matrix", matrix_names, name);
    if (!named->suits(d))
        return err_set(VGGCL_EUSAGE, "matrix: %s does not have the instructions of %s; leave the option out",
                       d->info.name, name);
    d->matrix = named;
    return VGGCL_OK;
}
