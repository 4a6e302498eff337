#include "check/check_gemm.h"
#include "check/operators.h"
#include "cl/matrix.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/gemm_matrix.h"
#include "ops/gemm/gemm_tiled.h"

/* ----------------------------------------------------------------------------------------------------- reference -- */

static size_t at(struct matrix m, size_t number, size_t row, size_t column) {
    size_t start = m.offset + number * m.step;
    return m.transposed ? start + column * m.stride + row : start + row * m.stride + column;
}

struct sum reference_gemm(size_t depth, struct matrix a_view, const float *a, struct matrix b_view, const float *b,
                          size_t number, size_t row, size_t column) {
    struct sum product = {0, 0};
    for (size_t k = 0; k < depth; k++)
        sum_add(&product, (double)a[at(a_view, number, row, k)] * b[at(b_view, number, k, column)]);
    return product;
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* The product of a linear layer, or of a convolution's first chunk of images. */
static struct gemm_shape product(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct conv_plan p = {0};
    if (!check->algorithm)
        return (struct gemm_shape){s.n, s.o, s.c, 1};
    RIG_RUN(rig, conv_make_plan(&rig->context, (struct conv_method){check->algorithm, rig->context.engine}, s,
                                CONV_FORWARD, &p));
    return p.whole.product.shape;
}

/* Operands as the engine multiplies them, in place. */
static void round_operand(const struct rig *rig, size_t count, float *operand) {
    for (size_t i = 0; operand && rig->context.engine->matrix && i < count; i++)
        operand[i] = matrix_operand(rig->dev->matrix, operand[i]);
}

/* Checks c = a b, or c += a b, for batches of matrices without gaps. */
static void multiply(struct rig *rig, struct gemm_shape g, bool transpose_a, bool transpose_b, enum gemm_add add) {
    struct matrix a = {.stride = transpose_a ? g.m : g.k, .step = g.m * g.k, .transposed = transpose_a};
    struct matrix b = {.stride = transpose_b ? g.k : g.n, .step = g.k * g.n, .transposed = transpose_b};
    struct matrix c = {.stride = g.n, .step = g.m * g.n};
    size_t a_count = g.batch * a.step, b_count = g.batch * b.step, c_count = g.batch * c.step;
    float *a_host = rig_floats(rig, a_count, -1, 1), *b_host = rig_floats(rig, b_count, -1, 1);
    float *old = add ? rig_floats(rig, c_count, -1, 1) : NULL;
    a.data = rig_upload(rig, a_count, a_host);
    b.data = rig_upload(rig, b_count, b_host);
    round_operand(rig, a_count, a_host);
    round_operand(rig, b_count, b_host);
    c.data = add ? rig_upload(rig, c_count, old) : rig_poisoned(rig, c_count);
    struct gemm_plan p = {0};
    RIG_RUN(rig, gemm_make_plan(&rig->context, NULL, g, a, b, c, &p));
    struct tensor scratch = rig_poisoned(rig, p.scratch_words);
    RIG_RUN(rig, gemm_run(rig->dev, &p, a, b, add, c, scratch));
    RIG_COMPARE(
        rig, "c", RIG_FLOATS, c.data, sum_roundings((double)g.k), i,
        sum_plus(reference_gemm(g.k, a, a_host, b, b_host, i / c.step, i % c.step / g.n, i % g.n), old ? old[i] : 0));
}

/* The products of forward, data gradient and weight gradient. The weight gradient of a second chunk is added. */
static void product_nn(struct rig *rig, const struct check *check, struct conv_shape s) {
    multiply(rig, product(rig, check, s), false, false, GEMM_SET);
}

static void product_nt(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct gemm_shape g = product(rig, check, s);
    multiply(rig, (struct gemm_shape){g.m, g.k, g.n, g.batch}, false, true, GEMM_SET);
}

static void product_tn(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct gemm_shape g = product(rig, check, s);
    multiply(rig, (struct gemm_shape){g.k, g.n, g.m, g.batch}, true, false, GEMM_ADD);
}

/* The built-in kernels with other tiles than the device's, of both kinds, ragged at every border. */
static void product_tiles(struct rig *rig, const struct check *check, struct conv_shape s) {
    static const struct gemm_tile tiles[] = {
        {.rows = 3, .vectors = 1, .width = 2, .panel = 6},
        {.rows = 2, .vectors = 3, .width = 4, .group_rows = 4, .group_columns = 2, .depth = 5},
    };
    struct gemm_shape g = product(rig, check, s);
    const struct context own = rig->context;
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        struct tuning other = own.tuning;
        other.tile[false] = other.tile[true] = tiles[i];
        rig->context.engine = &gemm_tiled;
        RIG_RUN(rig, context_tune(&rig->context, &other));
        multiply(rig, g, false, false, GEMM_ADD);
        multiply(rig, (struct gemm_shape){g.m, g.k, g.n, g.batch}, false, true, GEMM_SET);
        multiply(rig, (struct gemm_shape){g.k, g.n, g.m, g.batch}, true, false, GEMM_SET);
    }
    rig->context = own;
}

static bool multiplies(const struct conv_algorithm *a) {
    return a->multiplies;
}

/* Data gradients of im2col rotate the weights and have no transposed b. */
static bool transposes(const struct conv_algorithm *a) {
    return a->multiplies && a->alpha;
}

#define PRODUCT(title, how, when, ...)                                                                                 \
    {.name = title, .uses = CONV, .run = how, .directions = when, .each_engine = true, __VA_ARGS__}

#define BY_MATRIX(title, how, when)                                                                                    \
    {.name = title,                                                                                                    \
     .kernels = "gemm_matrix/*",                                                                                       \
     .layer = "linear",                                                                                                \
     .uses = CONV,                                                                                                     \
     .run = how,                                                                                                       \
     .directions = when,                                                                                               \
     .engine = &gemm_matrix}

const struct check gemm_checks[] = {
    PRODUCT("matrix product NN", product_nn, FORWARD | BACK, .layer = "linear"),
    PRODUCT("matrix product NT", product_nt, BACK, .layer = "linear"),
    PRODUCT("matrix product TN", product_tn, WEIGHTS, .layer = "linear"),
    BY_MATRIX("matrix product NN", product_nn, FORWARD | BACK),
    BY_MATRIX("matrix product NT", product_nt, BACK),
    BY_MATRIX("matrix product TN", product_tn, WEIGHTS),
    {.name = "matrix product, other tiles",
     .kernels = "gemm_local/gemm_local, gemm/gemm",
     .layer = "linear",
     .uses = CONV,
     .run = product_tiles,
     .extra = true},
    PRODUCT("matrix product NN", product_nn, FORWARD | BACK, .layer = "conv", .each_algorithm = multiplies),
    PRODUCT("matrix product NT", product_nt, BACK, .layer = "conv", .each_algorithm = transposes),
    PRODUCT("matrix product TN", product_tn, WEIGHTS, .layer = "conv", .each_algorithm = multiplies),
    {0},
};
