#include "cl/matrix.h"

#include <string.h>

/* The plain back-end computes with floats what the others do with their instructions. */
static bool any(const struct dev *d) {
    return !d->simt;
}

/* PoCL compiles for the processor that this program runs on, and its assembler knows the instructions of all. */
static bool is_host_cpu(const struct dev *d) {
    return d->info.type == VGGCL_CPU && !d->simt && strcmp(d->info.platform_name, "Portable Computing Language") == 0;
}

/* vdpbf16ps on vectors of 512 bits, which the driver has to compile for. */
static bool has_vectors(const struct dev *d) {
    return is_host_cpu(d) && d->info.native_vector_width >= 16;
}

/* Name, number, rows and columns of tiles, fast, unit, suits; in the order in which "auto" tries them. AMX is not `fast`
 * while its kernels have run by an emulator only (tests/amx/emulate.c). */
#define BACKENDS(row)                                                                                                  \
    row("amx", 2, 2, 2, false, PROCESSOR_AMX, is_host_cpu)                                                             \
        row("avx512", 1, 1, 1, true, PROCESSOR_AVX512, has_vectors) row("plain", 0, 1, 1, false, PROCESSOR_ANY, any)
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

static bool works(const struct dev *d, const struct matrix_backend *b) {
    return b->suits(d) && processor_computes(b->unit);
}

enum vggcl_err matrix_choose(struct dev *d, const char *name) {
    bool automatic = strcmp(name, "auto") == 0;
    const struct matrix_backend *named = matrix_find(name);
    d->matrix = NULL;
    for (size_t i = 0; automatic && i < BACKEND_COUNT && !d->matrix; i++)
        if (backends[i].fast && processor_has(backends[i].unit) && works(d, &backends[i]))
            d->matrix = &backends[i];
    if (automatic || strcmp(name, "none") == 0)
        return VGGCL_OK;
    if (!named)
        return err_choice("matrix", matrix_names, name);
    if (!works(d, named))
        return err_set(VGGCL_EUSAGE, "matrix: %s does not have the instructions of %s; leave the option out",
                       d->info.name, name);
    d->matrix = named;
    return VGGCL_OK;
}
