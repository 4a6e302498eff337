#include "ops/gemm.h"
#include "ops/clblast.h"
#include "ops/gemm_local.h"
#include "ops/tuning.h"

#include <stdio.h>
#include <string.h>

const char *const gemm_engine_names[] = {"auto", "clblast", "tiled", NULL};

enum gemm_engine gemm_engine(const struct dev *d) {
    return d->gemm_engine == GEMM_AUTO ? GEMM_TILED : (enum gemm_engine)d->gemm_engine;
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

/* --------------------------------------------------------------------------------------------- the own kernels -- */

/* With AVX-512's 32 registers of 16 floats, 6 rows x 4 vectors of accumulators leave room for the vectors of b, and
 * multiply 2.4 times what they load: measured 10 % faster than 8 x 2. But eight rows of a transposed a are one load:
 * that is another 6 % faster. Other CPUs have not so many: with AVX2 6 x 2 of 8 floats is the best (data/profiles).
 * Where work-items are lanes a work-group makes 128 x 64 words, of a transposed a 64 x 64: measured on an H100; smaller
 * ones where that is more than the device takes. */
struct gemm_tile gemm_built_in_tile(const struct dev *d, bool transposed) {
    if (!d->simt && d->info.native_vector_width >= 16 && !transposed)
        return (struct gemm_tile){.rows = 6, .vectors = 4, .width = d->vector_width, .panel = 96};
    if (!d->simt)
        return (struct gemm_tile){.rows = 8, .vectors = 2, .width = d->vector_width, .panel = 64};
    struct gemm_tile t = {
        .rows = 8, .vectors = 2, .width = d->vector_width, .group_rows = 16, .group_columns = 8, .depth = 16};
    if (transposed)
        t = (struct gemm_tile){
            .rows = 8, .vectors = 1, .width = d->vector_width, .group_rows = 8, .group_columns = 16, .depth = 16};
    while (t.group_rows > 1 && (size_t)(t.group_rows * t.group_columns) > d->info.work_group_size)
        t.group_rows /= 2;
    while (t.depth > 1 && gemm_local_bytes(t) > d->info.local_memory)
        t.depth /= 2;
    return t;
}

static enum vggcl_err check_range(const char *name, int value, int least, int most) {
    if (value >= least && value <= most)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "a matrix product's %s is %d to %d, not %d", name, least, most, value);
}

enum vggcl_err gemm_tile_check(const struct dev *d, struct gemm_tile t) {
    TRY(check_range("rows", t.rows, 1, 16));
    TRY(check_range("vectors", t.vectors, 1, 4));
    TRY(check_range("width", t.width, 1, 16));
    if (t.width & (t.width - 1))
        return err_set(VGGCL_EUSAGE, "a matrix product's width is 1, 2, 4, 8 or 16, not %d", t.width);
    TRY(check_range("rows * vectors * width", t.rows * t.vectors * t.width, 1, 512));
    TRY(check_range("group_rows", t.group_rows, 0, 64));
    if (t.group_rows == 0) {
        TRY(check_range("panel", t.panel, t.rows, 1024));
        return t.panel % t.rows == 0
                   ? VGGCL_OK
                   : err_set(VGGCL_EUSAGE, "a matrix product's panel of %d is no multiple of its %d rows", t.panel,
                             t.rows);
    }
    TRY(check_range("group_columns", t.group_columns, 1, 64));
    TRY(check_range("depth", t.depth, 1, 64));
    if ((size_t)(t.group_rows * t.group_columns) > d->info.work_group_size)
        return err_set(VGGCL_EUSAGE, "a matrix product's group of %d x %d work-items is more than the %zu of %s",
                       t.group_rows, t.group_columns, d->info.work_group_size, d->info.name);
    TRY(check_range("depth * (tile rows + columns) / work-items",
                    t.depth * (t.group_rows * t.rows + t.group_columns * t.vectors * t.width) /
                        (t.group_rows * t.group_columns),
                    0, 128));
    if (gemm_local_bytes(t) > d->info.local_memory)
        return err_set(VGGCL_EUSAGE, "a matrix product's tiles take %zu bytes of local memory; %s has %llu",
                       gemm_local_bytes(t), d->info.name, (unsigned long long)d->info.local_memory);
    return VGGCL_OK;
}

size_t gemm_vector_width(struct gemm_tile t, size_t n, struct matrix b, struct matrix c) {
    size_t places = n | c.offset | c.stride | c.step;
    if (!b.transposed)
        places |= b.offset | b.stride | b.step;
    return gemm_dividing((size_t)t.width, places);
}

void gemm_tile_text(struct gemm_tile t, char text[GEMM_TILE_TEXT]) {
    if (t.group_rows)
        snprintf(text, GEMM_TILE_TEXT, "local %dx%d, %dx%d of %d, depth %d", t.group_rows, t.group_columns, t.rows,
                 t.vectors, t.width, t.depth);
    else
        snprintf(text, GEMM_TILE_TEXT, "registers %dx%d of %d, panel %d", t.rows, t.vectors, t.width, t.panel);
}

static struct gemm_tile tile(const struct dev *d, bool transposed) {
    return d->tuning ? d->tuning->tile[transposed] : gemm_built_in_tile(d, transposed);
}

/* Of what a work-item packs of a transposed b, at most. */
static size_t packed_row_bytes(struct gemm_tile t) {
    return sizeof(float) * (size_t)(t.vectors * t.width);
}

static enum vggcl_err tiled_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                                 enum gemm_add add, struct matrix c, size_t batch) {
    char options[128];
    struct gemm_tile t = tile(d, a.transposed);
    if (t.group_rows)
        return gemm_local(d, t, m, n, k, a, b, add, c, batch);
    size_t width = gemm_vector_width(t, n, b, c), vectors = (size_t)t.vectors, panel = (size_t)t.panel;
    if (b.transposed)
        width = gemm_dividing(width, k | b.offset | b.stride | b.step);
    while (n / width % vectors)
        vectors--;
    snprintf(options, sizeof options,
             "-DVW=%zu -DCOLUMNS=%zu -DROWS=%d -DPANEL=%d -DTRANSPOSE_A=%d -DTRANSPOSE_B=%d -DACCUMULATE=%d", width,
             vectors, t.rows, t.panel, a.transposed, b.transposed, add);
    return dev_run(d, "gemm/gemm", options, RANGE_SINGLE(n / (width * vectors), (m + panel - 1) / panel, batch),
                   ARGS(A_INT(m), A_INT(n), A_INT(k), A_MEM(a.data), A_INT(a.offset), A_INT(a.stride), A_INT(a.step),
                        A_MEM(b.data), A_INT(b.offset), A_INT(b.stride), A_INT(b.step), A_MEM(c.data), A_INT(c.offset),
                        A_INT(c.stride), A_INT(c.step), A_LOCAL(packed_row_bytes(t) * (b.transposed ? k : 1))));
}

const char *gemm_kernels(const struct dev *d, bool transposed) {
    return gemm_engine(d) == GEMM_CLBLAST   ? "CLBlast"
           : tile(d, transposed).group_rows ? "gemm_local/gemm_local"
                                            : "gemm/gemm";
}

/* A long sum goes in parts, of whole vectors: for dev_most_rounds(), which on CPUs a panel of 16 tiles reaches at a
 * depth of 2048; and for local memory to hold what is packed. */
enum { LEAST_DEPTH = 64 };

static size_t most_depth(const struct dev *d, bool a_transposed, bool b_transposed) {
    struct gemm_tile t = tile(d, a_transposed);
    size_t packed = (size_t)d->info.local_memory / packed_row_bytes(t);
    size_t depth = dev_most_rounds(d) / (t.group_rows ? 8 : (size_t)(t.panel / t.rows));
    if (b_transposed && !t.group_rows && gemm_engine(d) == GEMM_TILED && depth > packed)
        depth = packed;
    return depth < LEAST_DEPTH ? LEAST_DEPTH : depth / LEAST_DEPTH * LEAST_DEPTH;
}

enum vggcl_err gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b, enum gemm_add add,
                    struct matrix c, size_t batch) {
    enum vggcl_err (*multiply)(struct dev *, size_t, size_t, size_t, struct matrix, struct matrix, enum gemm_add,
                               struct matrix, size_t) = gemm_engine(d) == GEMM_TILED ? tiled_gemm : clblast_gemm;
    size_t part = most_depth(d, a.transposed, b.transposed);
    for (; k > part; k -= part, add = GEMM_ADD) {
        TRY(multiply(d, m, n, part, a, b, add, c, batch));
        a.offset += part * (a.transposed ? a.stride : 1);
        b.offset += part * (b.transposed ? 1 : b.stride);
    }
    return multiply(d, m, n, k, a, b, add, c, batch);
}
