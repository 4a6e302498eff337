#include "ops/gemm.h"
#include "ops/clblast.h"

#include <stdio.h>
#include <string.h>

/* The register tile of cl/gemm.cl: 8 rows x 2 vectors of accumulators are 16 of AVX-512's 32 registers, which leaves
 * room for the vectors of b and hides the latency of two FMA units. */
enum { TILE_ROWS = 8, TILE_VECTORS = 2, PANEL = 64 };

const char *const gemm_engine_names[] = {"auto", "clblast", "tiled", NULL};

enum gemm_engine gemm_engine(const struct dev *d) {
    if (d->gemm_engine == GEMM_AUTO)
        return d->info.type == VGGCL_CPU ? GEMM_TILED : GEMM_CLBLAST;
    return (enum gemm_engine)d->gemm_engine;
}

enum gemm_engine gemm_switch(struct dev *d, enum gemm_engine engine) {
    enum gemm_engine before = (enum gemm_engine)d->gemm_engine;
    d->gemm_engine = (int)engine;
    return before;
}

bool gemm_allows(const struct dev *d, enum gemm_engine engine) {
    return d->gemm_engine == GEMM_AUTO || gemm_engine(d) == engine;
}

enum vggcl_err gemm_use(struct dev *d, const char *name) {
    for (int i = 0; gemm_engine_names[i]; i++) {
        if (strcmp(name, gemm_engine_names[i]) == 0) {
            d->gemm_engine = i;
            return VGGCL_OK;
        }
    }
    return err_set(VGGCL_EUSAGE, "--gemm takes auto, clblast or tiled, not '%s'", name);
}

static enum vggcl_err tiled_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                                 enum gemm_add add, struct matrix c, size_t batch) {
    char options[128];
    size_t width = (size_t)dev_vector_width(d, (int)n);
    size_t vectors = n / width % TILE_VECTORS == 0 ? TILE_VECTORS : 1;
    snprintf(options, sizeof options,
             "-DVW=%zu -DCOLUMNS=%zu -DROWS=%d -DPANEL=%d -DTRANSPOSE_A=%d -DTRANSPOSE_B=%d -DACCUMULATE=%d", width,
             vectors, TILE_ROWS, PANEL, a.transposed, b.transposed, add);
    return dev_run(d, "gemm/gemm", options, RANGE_SINGLE(n / (width * vectors), (m + PANEL - 1) / PANEL, batch),
                   ARGS(A_INT(m), A_INT(n), A_INT(k), A_MEM(a.data), A_INT(a.offset), A_INT(a.stride), A_INT(a.step),
                        A_MEM(b.data), A_INT(b.offset), A_INT(b.stride), A_INT(b.step), A_MEM(c.data), A_INT(c.offset),
                        A_INT(c.stride), A_INT(c.step)));
}

/* On CPUs a long sum goes in parts: Mesa's llvmpipe leaves a work-item's loops after 65535 rounds in all, which a panel
 * of PANEL / TILE_ROWS tiles reaches at a depth of 8191. */
enum { CPU_DEPTH = 4096 };

enum vggcl_err gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b, enum gemm_add add,
                    struct matrix c, size_t batch) {
    enum vggcl_err (*multiply)(struct dev *, size_t, size_t, size_t, struct matrix, struct matrix, enum gemm_add,
                               struct matrix, size_t) = gemm_engine(d) == GEMM_TILED ? tiled_gemm : clblast_gemm;
    for (; d->info.type == VGGCL_CPU && k > CPU_DEPTH; k -= CPU_DEPTH, add = GEMM_ADD) {
        TRY(multiply(d, m, n, CPU_DEPTH, a, b, add, c, batch));
        a.offset += CPU_DEPTH * (a.transposed ? a.stride : 1);
        b.offset += CPU_DEPTH * (b.transposed ? 1 : b.stride);
    }
    return multiply(d, m, n, k, a, b, add, c, batch);
}
