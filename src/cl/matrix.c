#include "cl/matrix.h"
#include "cl/select.h"

#include <stdio.h>
#include <string.h>

/* The plain back-end computes with floats what the others do with their instructions. */
static bool any(const struct dev *d) {
    return !d->simt;
}

/* Emulates instructions of devices whose work-items are SIMD lanes. Its work-items run more loops than Mesa's llvmpipe
 * does (see DEV_CPU_ROUNDS). */
static bool has_lanes(const struct dev *d) {
    return d->info.work_group_size >= 32 && !(d->simt && d->info.type == VGGCL_CPU);
}

/* The tensor cores multiply bfloat16 and tf32 from compute capability 8.0 on. Other drivers do not know the query. */
static bool has_mma(const struct dev *d) {
    cl_uint capability = 0;
    return select_has_extension(d->id, "cl_nv_device_attribute_query") &&
           clGetDeviceInfo(d->id, CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV, sizeof capability, &capability, NULL) ==
               CL_SUCCESS &&
           capability >= 8;
}

/* The functions need the device's smallest sub-group, which is `size` work-items then. */
static bool has_matrix_mad(const struct dev *d, size_t size) {
    size_t sizes[16] = {0}, bytes = 0;
    if (!select_has_extension(d->id, "cl_intel_subgroup_matrix_multiply_accumulate") ||
        clGetDeviceInfo(d->id, CL_DEVICE_SUB_GROUP_SIZES_INTEL, sizeof sizes, sizes, &bytes) != CL_SUCCESS)
        return false;
    size_t least = sizes[0];
    for (size_t i = 1; i < bytes / sizeof *sizes; i++)
        least = sizes[i] < least ? sizes[i] : least;
    return least == size;
}
static bool has_matrix_mad_8(const struct dev *d) {
    return has_matrix_mad(d, 8);
}
static bool has_matrix_mad_16(const struct dev *d) {
    return has_matrix_mad(d, 16);
}

/* PoCL compiles for the processor that this program runs on, and its assembler knows the instructions of all. */
static bool is_host_cpu(const struct dev *d) {
    return d->info.type == VGGCL_CPU && !d->simt && strcmp(d->info.platform_name, "Portable Computing Language") == 0;
}

/* vdpbf16ps on vectors of 512 bits, which the driver has to compile for. */
static bool has_vectors(const struct dev *d) {
    return is_host_cpu(d) && d->info.native_vector_width >= 16;
}

/* Name, number, rows and columns of tiles, operands, lanes, fast, unit, suits; in the order in which "auto" tries them.
 * Nobody has run amx, nvidia, nvidia-tf32, intel and intel-8 on such a device yet: the first has run by an emulator
 * (tests/amx/emulate.c), the others are assembled (tests/assemble.sh), and lanes and lanes-tf32 emulate their
 * instructions. */
/* clang-format off */
#define BACKENDS(row)                                                                                                  \
    row("amx",         2, 2, 2, STORED_BF16,   1, false, PROCESSOR_AMX,    is_host_cpu)                                \
    row("avx512",      1, 1, 1, STORED_BF16,   1, true,  PROCESSOR_AVX512, has_vectors)                                \
    row("plain",       0, 1, 1, STORED_BF16,   1, false, PROCESSOR_ANY,    any)                                        \
    row("nvidia",      3, 2, 2, STORED_BF16,  32, false, PROCESSOR_ANY,    has_mma)                                    \
    row("intel",       4, 2, 2, STORED_BF16,  16, false, PROCESSOR_ANY,    has_matrix_mad_16)                          \
    row("intel-8",     4, 1, 2, STORED_BF16,   8, false, PROCESSOR_ANY,    has_matrix_mad_8)                           \
    row("lanes",       5, 2, 2, STORED_BF16,  32, false, PROCESSOR_ANY,    has_lanes)                                  \
    row("nvidia-tf32", 6, 2, 2, STORED_FLOAT, 32, false, PROCESSOR_ANY,    has_mma)                                    \
    row("lanes-tf32",  7, 2, 2, STORED_FLOAT, 32, false, PROCESSOR_ANY,    has_lanes)
/* clang-format on */
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

const char *matrix_precision(const struct matrix_backend *m) {
    return m->operands == STORED_FLOAT ? "tf32" : "bf16";
}

float matrix_operand(const struct matrix_backend *m, float value) {
    return m->operands == STORED_FLOAT ? tf32_round(value) : stored_round(m->operands, value);
}

double matrix_rounding(const struct matrix_backend *m) {
    return !m ? 0 : m->operands == STORED_FLOAT ? TF32_ROUNDING : stored_rounding(m->operands);
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
        return err_set(VGGCL_EUSAGE, "matrix: %s does not have the instructions of %s; leave %s out", d->info.name,
                       name, named->operands == STORED_FLOAT ? "it and precision" : "the option");
    d->matrix = named;
    return VGGCL_OK;
}

struct matrix_options matrix_options(const struct dev *d) {
    const struct matrix_backend *m = d->matrix;
    struct matrix_options o;
    snprintf(o.text, sizeof o.text, "-DSTORED=%d -DVW=%d -DMATRIX=%d -DSUBGROUP=%d", m->operands, MATRIX_SIDE,
             m->number, m->lanes);
    return o;
}

struct range matrix_range(const struct dev *d, size_t groups) {
    size_t lanes = (size_t)d->matrix->lanes;
    return (struct range){{groups * lanes, 1, 1}, {lanes, 1, 1}};
}
