#include "check/operators.h"
#include "ops/activation.h"
#include "ops/average.h"
#include "ops/channel.h"
#include "ops/flatten.h"
#include "ops/im2col.h"
#include "ops/image.h"
#include "ops/softmax.h"
#include "ops/storage.h"
#include "ops/tuning.h"
#include "ops/winograd.h"

#include <math.h>

static const struct coins test_coins = {0xFEDCBA9876543210, 0x123456789A, RNG_DROPOUT + 7, 0.4f, 0};

/* ---------------------------------------------------------------------------------------------------- rounding --
 * How many FLT_EPSILON of the terms' magnitude a result may be off.
 *
 * A sum of n terms in any order is off by at most n - 1 roundings of half an epsilon each; taken as independent they
 * stay below lambda sqrt(n) half epsilons but for a chance of 2 exp(-lambda^2 / 2): 2e-14 with lambda = 8 (Higham and
 * Mary, "A new approach to probabilistic rounding error analysis", 2019). Products and biases add one rounding each. */
static double sum_roundings(double terms) {
    return fmin(terms, 4 * sqrt(terms)) + 2;
}

/* Winograd's transforms multiply and sum numbers that exceed the terms' own magnitudes by at most (inputs being alike
 * in magnitude) sum over points p of |A[p][i]| * sum |B'[p][:]| * sum |G[p][:]|, divided by 3 terms, at the worst
 * output i, squared for two dimensions: (6/3)^2 for F(2), (48/3)^2 for F(4). For the weight gradient A and G change
 * places and the divisor is the tile's side: (6/2)^2 and (53.3/4)^2. 32 operations in the transforms add to the sum's
 * roundings. That bound is so far above what occurs that lambda = 2 does. A tile's errors are spread over all of its
 * outputs: they are measured by the largest magnitude. */
static double conv_roundings(const struct conv_algorithm *a, double terms) {
    if (a->alpha == 0)
        return sum_roundings(terms);
    return sqrt(terms + 32) * (a->alpha == WINOGRAD_F4 ? 256 : 9);
}

static enum rig_kind conv_kind(const struct conv_algorithm *a) {
    return a->alpha ? RIG_SPREAD : RIG_FLOATS;
}

/* A one-dimensional transform sums 5 terms at most, with coefficients rounded; two of them and a bias. */
enum { TRANSFORM_ROUNDINGS = 16 };

/* A term of a two-level reduction goes through its slab's additions and the slabs', of which sharers take turns and
 * then add up theirs, and a few operations besides. */
static double slab_roundings(const struct dev *d, size_t rows) {
    size_t slabs = channel_slabs(d, rows), sharers = channel_sharers(d, slabs), turns = quotient_up(slabs, sharers);
    return sum_roundings((double)(channel_slab_rows(d, rows) + turns + sharers)) + 4;
}

/* Random activations, as the device stores them: as 16-bit floats an output is off by its own rounding besides, half a
 * unit in its last place, which the rig allows for (RIG_COMPARE). What is computed of them is computed in floats. */
static float *activations(struct rig *rig, size_t count) {
    return rig_stored(rig, count, rig_floats(rig, count, -1, 1));
}

/* --------------------------------------------------------------------------------------------- matrix products -- */

static struct gemm_shape product(const struct rig *rig, const struct check *check, struct conv_shape s) {
    if (check->layer == &layer_conv)
        return check->algorithm->product(check->algorithm, rig->dev, s);
    return (struct gemm_shape){s.n, s.o, s.c, 1};
}

/* c = a b, or c += a b, of batches of matrices without gaps. */
static void multiply(struct rig *rig, struct gemm_shape g, bool transpose_a, bool transpose_b, enum gemm_add add) {
    struct matrix a = {.stride = transpose_a ? g.m : g.k, .step = g.m * g.k, .transposed = transpose_a};
    struct matrix b = {.stride = transpose_b ? g.k : g.n, .step = g.k * g.n, .transposed = transpose_b};
    struct matrix c = {.stride = g.n, .step = g.m * g.n};
    size_t a_count = g.batch * a.step, b_count = g.batch * b.step, c_count = g.batch * c.step;
    float *a_host = rig_floats(rig, a_count, -1, 1), *b_host = rig_floats(rig, b_count, -1, 1);
    float *old = add ? rig_floats(rig, c_count, -1, 1) : NULL;
    a.data = rig_upload(rig, a_count, a_host);
    b.data = rig_upload(rig, b_count, b_host);
    c.data = add ? rig_upload(rig, c_count, old) : rig_poisoned(rig, c_count);
    RIG_RUN(rig, gemm(rig->dev, g.m, g.n, g.k, a, b, add, c, g.batch));
    RIG_COMPARE(
        rig, "c", RIG_FLOATS, c.data, sum_roundings((double)g.k), i,
        sum_plus(reference_gemm(g.k, a, a_host, b, b_host, i / c.step, i % c.step / g.n, i % g.n), old ? old[i] : 0));
}

/* As a layer's forward, data gradient and weight gradient have it; a second chunk adds to the weight gradient. */
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

/* The own kernels with other tiles than the device's: a row of the table for each way, ragged at every border. */
static void product_tiles(struct rig *rig, const struct check *check, struct conv_shape s) {
    static const struct gemm_tile tiles[] = {
        {.rows = 3, .vectors = 1, .width = 2, .panel = 6},
        {.rows = 2, .vectors = 3, .width = 4, .group_rows = 4, .group_columns = 2, .depth = 5},
    };
    struct gemm_shape g = product(rig, check, s);
    struct tuning own = rig->dev->tuning ? *rig->dev->tuning : tuning_built_in(rig->dev);
    bool tuned = rig->dev->tuning;
    enum gemm_engine chosen = gemm_switch(rig->dev, GEMM_TILED);
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        struct tuning other = own;
        other.tile[false] = other.tile[true] = tiles[i];
        RIG_RUN(rig, tuning_use(rig->dev, &other));
        multiply(rig, g, false, false, GEMM_ADD);
        multiply(rig, (struct gemm_shape){g.m, g.k, g.n, g.batch}, false, true, GEMM_SET);
        multiply(rig, (struct gemm_shape){g.k, g.n, g.m, g.batch}, true, false, GEMM_SET);
    }
    gemm_switch(rig->dev, chosen);
    tuning_use(rig->dev, tuned ? &own : NULL); /* which it did before */
}

/* What batch normalisation of x[pixels][c] reads and writes. */
struct normalisation {
    struct reference_bn host;
    struct bn bn;
};

static struct normalisation normalisation(struct rig *rig, size_t pixels, size_t c, const float *x) {
    struct reference_bn host = {.pixels = pixels,
                                .c = c,
                                .x = x,
                                .gamma = rig_floats(rig, c, -2, 2),
                                .beta = rig_floats(rig, c, -1, 1),
                                .running_mean = rig_floats(rig, c, -1, 1),
                                .running_variance = rig_floats(rig, c, 0.1, 2)};
    struct bn bn = {.gamma = rig_upload(rig, c, host.gamma),
                    .beta = rig_upload(rig, c, host.beta),
                    .running_mean = rig_upload(rig, c, host.running_mean),
                    .running_variance = rig_upload(rig, c, host.running_variance),
                    .mean = rig_poisoned(rig, c),
                    .variance = rig_poisoned(rig, c),
                    .inverse_deviation = rig_poisoned(rig, c),
                    .scale = rig_poisoned(rig, c),
                    .shift = rig_poisoned(rig, c)};
    return (struct normalisation){host, bn};
}

/* ------------------------------------------------------------------------------------------------ convolutions -- */

static struct conv_method method(const struct rig *rig, const struct check *check) {
    return (struct conv_method){check->algorithm, gemm_engine(rig->dev)};
}

static struct conv_scratch conv_scratch(struct rig *rig, const struct check *check, struct conv_shape s,
                                        enum conv_direction direction) {
    struct conv_scratch_words words = conv_scratch_words(method(rig, check), rig->dev, s, direction);
    return (struct conv_scratch){rig_poisoned(rig, words.weight), rig_poisoned(rig, words.input),
                                 rig_poisoned(rig, words.output)};
}

/* A batch's statistics. */
static void compare_batch(struct rig *rig, const struct normalisation *f, double roundings) {
    RIG_COMPARE(rig, "mean", RIG_FLOATS, f->bn.mean, roundings, k, reference_bn_mean(&f->host, k));
    RIG_COMPARE(rig, "inverse deviation", RIG_FLOATS, f->bn.inverse_deviation, roundings, k,
                reference_bn_inverse_deviation(&f->host, k));
}

/* Those that a convolution has left of its output y[pixels][o]: taken before it was rounded to 16-bit floats, if it
 * was, by at most half a unit in the last of 11 places, which is 2^12 times FLT_EPSILON. */
static void compare_statistics(struct rig *rig, size_t pixels, size_t o, size_t slabs, struct tensor partial,
                               const float *y) {
    struct normalisation f = normalisation(rig, pixels, o, y);
    double roundings = sum_roundings((double)pixels) + 4 + (rig->dev->half ? 4096 : 0);
    RIG_RUN(rig, bn_finish(rig->dev, slabs, o, &f.bn, partial));
    compare_batch(rig, &f, roundings);
}

static void forward(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w, weights = 9 * s.c * s.o;
    float *x = activations(rig, pixels * s.c), *weight = rig_floats(rig, weights, -1, 1);
    float *bias = rig_floats(rig, s.o, -1, 1);
    struct tensor y = rig_poisoned_stored(rig, pixels * s.o), partial = {0};
    size_t slabs = conv_slabs(method(rig, check), rig->dev, s);
    if (slabs)
        partial = rig_poisoned(rig, bn_partial_words(slabs, s.o));
    RIG_RUN(rig, conv_forward(method(rig, check), rig->dev, s, rig_upload_stored(rig, pixels * s.c, x),
                              rig_upload(rig, weights, weight), rig_upload(rig, s.o, bias), y, partial,
                              conv_scratch(rig, check, s, CONV_FORWARD)));
    RIG_COMPARE(rig, "y", conv_kind(a), y, conv_roundings(a, 9.0 * (double)s.c), i,
                reference_conv(s, x, weight, bias, i));
    if (slabs)
        compare_statistics(rig, pixels, s.o, slabs, partial, rig_download(rig, y));
}

static void data_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w, weights = 9 * s.c * s.o;
    float *dy = activations(rig, pixels * s.o), *weight = rig_floats(rig, weights, -1, 1);
    struct tensor dx = rig_poisoned_stored(rig, pixels * s.c);
    RIG_RUN(rig, conv_data_gradient(method(rig, check), rig->dev, s, rig_upload(rig, weights, weight),
                                    rig_upload_stored(rig, pixels * s.o, dy), dx,
                                    conv_scratch(rig, check, s, CONV_DATA_GRADIENT)));
    RIG_COMPARE(rig, "dx", conv_kind(a), dx, conv_roundings(a, 9.0 * (double)s.o), i,
                reference_conv_data_gradient(s, weight, dy, i));
}

static void weight_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w;
    float *x = activations(rig, pixels * s.c), *dy = activations(rig, pixels * s.o);
    struct tensor dweight = rig_poisoned(rig, 9 * s.c * s.o);
    RIG_RUN(rig, conv_weight_gradient(method(rig, check), rig->dev, s, rig_upload_stored(rig, pixels * s.c, x),
                                      rig_upload_stored(rig, pixels * s.o, dy), dweight,
                                      conv_scratch(rig, check, s, CONV_WEIGHT_GRADIENT)));
    RIG_COMPARE(rig, "dweight", conv_kind(a), dweight, conv_roundings(a, (double)pixels), i,
                reference_conv_weight_gradient(s, x, dy, i));
}

/* Of images behind one that is another's. */
static void columns(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t plane = s.h * s.w, pixels = s.n * plane, count = (plane + pixels) * s.c;
    float *x = activations(rig, count);
    struct tensor column = rig_poisoned(rig, pixels * 9 * s.c);
    RIG_RUN(rig, im2col(rig->dev, s, rig_upload_stored(rig, count, x), 1, column));
    for (struct reading r = rig_read(rig, "column", RIG_FLOATS, column, 0); r.open; rig_judge(rig, &r)) {
        for (size_t i; rig_next(&r, &i);) {
            long from = reference_neighbour(s, i / (9 * s.c), i / s.c % 9);
            rig_expect(&r, sum_exactly(from < 0 ? 0 : x[(plane + (size_t)from) * s.c + i % s.c]));
        }
    }
}

/* Of pixels behind one that is another's. */
static void storage(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t pixels = s.n * s.h * s.w, count = (pixels + 1) * s.o;
    float *x = activations(rig, count), *from = rig_floats(rig, count, -1, 1), *bias = rig_floats(rig, s.o, -1, 1);
    struct tensor y = rig_upload_stored(rig, count, x), wide = rig_poisoned(rig, pixels * s.o);
    RIG_RUN(rig, storage_widen(rig->dev, pixels, s.o, y, 1, wide));
    RIG_COMPARE(rig, "widened", RIG_FLOATS, wide, 0, i, sum_exactly(x[s.o + i]));
    RIG_RUN(rig, storage_narrow(rig->dev, pixels, s.o, rig_upload(rig, count, from), rig_upload(rig, s.o, bias), y, 1));
    RIG_COMPARE(rig, "narrowed", RIG_FLOATS, y, 1, i,
                i < s.o ? sum_exactly(x[i]) : sum_plus(sum_of(from[i - s.o]), bias[i % s.o]));
}

static void rotation(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o;
    float *weight = rig_floats(rig, count, -1, 1);
    struct tensor rotated = rig_poisoned(rig, count);
    RIG_RUN(rig, rotate_weight(rig->dev, s.c, s.o, rig_upload(rig, count, weight), rotated));
    RIG_COMPARE(rig, "rotated", RIG_FLOATS, rotated, 0, i, sum_exactly(reference_rotated(s.c, s.o, weight, i)));
}

/* Winograd's transforms, each alone. */
static size_t all_points(const struct check *check, size_t rows, size_t columns) {
    return winograd_points(check->algorithm->alpha) * winograd_point_words(rows, columns);
}

static size_t tiles_of(const struct check *check, struct conv_shape s) {
    return s.n * winograd_tiles(check->algorithm->alpha, s.h, s.w);
}

/* To be written: a matrix of rows x columns at each point, zeros in the gaps. */
static struct tensor poisoned_points(struct rig *rig, const struct check *check, size_t rows, size_t columns) {
    size_t count = all_points(check, rows, columns), words = winograd_point_words(rows, columns);
    float *poison = rig_floats(rig, count, 0, 1);
    for (size_t i = 0; i < count; i++)
        poison[i] = i % words < rows * columns ? NAN : 0;
    return rig_upload(rig, count, poison);
}

/* From images, the first of which is another's, to points. */
static void to_points(struct rig *rig, const struct check *check, struct conv_shape s, size_t channels,
                      enum vggcl_err (*transform)(struct dev *d, int alpha, struct conv_shape s, struct tensor from,
                                                  size_t first_image, size_t panel, struct tensor to),
                      struct sum (*reference)(int alpha, struct conv_shape s, const float *from, size_t i)) {
    int alpha = check->algorithm->alpha;
    size_t image = s.h * s.w * channels, count = (s.n + 1) * image;
    float *from = activations(rig, count);
    struct tensor to = poisoned_points(rig, check, tiles_of(check, s), channels);
    RIG_RUN(rig, transform(rig->dev, alpha, s, rig_upload_stored(rig, count, from), 1, channels, to));
    RIG_COMPARE(rig, "points", RIG_FLOATS, to, TRANSFORM_ROUNDINGS, i, reference(alpha, s, from + image, i));
}

static void transform_input(struct rig *rig, const struct check *check, struct conv_shape s) {
    to_points(rig, check, s, s.c, winograd_input, reference_winograd_input);
}

static void transform_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    to_points(rig, check, s, s.o, winograd_gradient, reference_winograd_gradient);
}

/* The first image must stay as it is. */
static void transform_output(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t count = all_points(check, tiles_of(check, s), s.o), image = s.h * s.w * s.o, images = (s.n + 1) * image;
    float *m = rig_floats(rig, count, -1, 1), *bias = rig_floats(rig, s.o, -1, 1);
    float *old = rig_stored(rig, images, rig_floats(rig, images, 2, 3));
    struct tensor y = rig_upload_stored(rig, images, old);
    RIG_RUN(rig, winograd_output(rig->dev, alpha, s, rig_upload(rig, count, m), 1, rig_upload(rig, s.o, bias), y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, TRANSFORM_ROUNDINGS, i,
                i < image ? sum_exactly(old[i]) : reference_winograd_output(alpha, s, m, bias, i - image));
}

static void transform_weight(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t words = s.c * s.o, count = 9 * words;
    float *weight = rig_floats(rig, count, -1, 1), *turned = rig_floats(rig, count, -1, 1);
    float *rotated = rig_floats(rig, count, -1, 1);
    for (size_t i = 0; i < count; i++) {
        turned[i] = weight[(8 - i / words) * words + i % words];
        rotated[i] = reference_rotated(s.c, s.o, weight, i);
    }
    struct tensor on_device = rig_upload(rig, count, weight);
    struct tensor u = poisoned_points(rig, check, s.c, s.o);
    RIG_RUN(rig, winograd_weight(rig->dev, alpha, s.c, s.o, on_device, false, u));
    RIG_COMPARE(rig, "u", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i, reference_winograd_weight(alpha, s.c, s.o, weight, i));
    RIG_RUN(rig, winograd_weight(rig->dev, alpha, s.c, s.o, on_device, true, u));
    RIG_COMPARE(rig, "u of the turned", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight(alpha, s.c, s.o, turned, i));
    RIG_RUN(rig, winograd_weight_rotated(rig->dev, alpha, s.c, s.o, on_device, u));
    RIG_COMPARE(rig, "u of the rotated", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight(alpha, s.c, s.o, rotated, i));
}

static void transform_weight_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t count = all_points(check, s.c, s.o);
    float *du = rig_floats(rig, count, -1, 1);
    struct tensor dweight = rig_poisoned(rig, 9 * s.c * s.o);
    RIG_RUN(rig, winograd_weight_gradient(rig->dev, alpha, s.c, s.o, 1, rig_upload(rig, count, du), dweight));
    RIG_COMPARE(rig, "dweight", RIG_FLOATS, dweight, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight_gradient(alpha, s.c, s.o, du, i));
}

/* ------------------------------------------------------------------------------------------ batch normalisation -- */

static void bn_training(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t pixels = s.n * s.h * s.w, count = pixels * s.c;
    struct normalisation f = normalisation(rig, pixels, s.c, rig_stored(rig, count, rig_normal(rig, count, 0.5, 2)));
    struct tensor partial = rig_poisoned(rig, bn_partial_words(bn_slabs(rig->dev, pixels), s.c));
    double roundings = slab_roundings(rig->dev, pixels);
    RIG_RUN(rig, bn_partial(rig->dev, pixels, s.c, rig_upload_stored(rig, count, f.host.x), partial));
    RIG_RUN(rig, bn_finish(rig->dev, bn_slabs(rig->dev, pixels), s.c, &f.bn, partial));
    struct tensor failed = rig_upload(rig, 1, (const int32_t[]){0});
    RIG_RUN(rig, bn_move(rig->dev, failed, f.bn.running_mean, f.bn.mean));
    RIG_RUN(rig, bn_move(rig->dev, failed, f.bn.running_variance, f.bn.variance));
    compare_batch(rig, &f, roundings);
    RIG_COMPARE(rig, "running mean", RIG_FLOATS, f.bn.running_mean, roundings, k,
                reference_bn_running_mean(&f.host, k));
    RIG_COMPARE(rig, "running variance", RIG_FLOATS, f.bn.running_variance, roundings, k,
                reference_bn_running_variance(&f.host, k));
    RIG_COMPARE(rig, "scale", RIG_FLOATS, f.bn.scale, roundings, k, reference_bn_scale(&f.host, k));
    RIG_COMPARE(rig, "shift", RIG_FLOATS, f.bn.shift, 2 * roundings, k, reference_bn_shift(&f.host, k));
}

static void bn_evaluation(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    struct normalisation f = normalisation(rig, 0, s.c, NULL);
    RIG_RUN(rig, bn_running(rig->dev, s.c, &f.bn));
    RIG_COMPARE(rig, "scale", RIG_FLOATS, f.bn.scale, 4, k, reference_bn_running_scale(&f.host, k));
    RIG_COMPARE(rig, "shift", RIG_FLOATS, f.bn.shift, 6, k, reference_bn_running_shift(&f.host, k));
}

/* ------------------------------------------------------------------------------------------------- activations -- */

/* An activation's operands. Its mean and deviation need not be those of x: the kernels take what they are given. */
struct activation_case {
    struct activation shape;
    struct bn bn;
    struct reference_activation host;
    struct tensor x;
    size_t inputs, outputs;
};

/* Numbers that normalise to odd multiples of 1/128 in +-2, different ones in a window: no rounding moves the largest
 * one or the sign; not that to 16-bit floats either, which moves them by less than 1/1000. */
static float *distinct(struct rig *rig, const struct activation_case *f) {
    float *x = rig_zeros(rig, f->inputs * sizeof *x);
    size_t c = f->shape.c, w = f->shape.w * (f->shape.pool ? 2 : 1);
    for (size_t i = 0; rig->err == VGGCL_OK && i < f->inputs; i++) {
        size_t tap = i / c % w % 2 + i / c / w % 2 * 2;
        double value = ((double)(rng_below(&rig->random, 64) * 4 + tap) - 127.5) / 64;
        x[i] = (float)(f->host.scale ? (value - f->host.shift[i % c]) / f->host.scale[i % c] : value);
    }
    return rig_stored(rig, f->inputs, x);
}

static struct activation_case *activation_case(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = rig_zeros(rig, sizeof *f);
    if (!f)
        return NULL;
    f->shape = (struct activation){s.n, s.h, s.w, s.c, check->pool, NULL, check->dropout, test_coins};
    f->shape.coins.first = (uint32_t)(3 * s.c); /* as if three images were before these */
    if (f->shape.pool) {
        f->shape.h /= 2;
        f->shape.w /= 2;
    }
    f->outputs = s.n * f->shape.h * f->shape.w * s.c;
    f->inputs = f->outputs * (f->shape.pool ? 4 : 1);
    f->host.shape = &f->shape;
    if (check->normalise) {
        f->host.scale = rig_floats(rig, s.c, 0.5, 2);
        f->host.shift = rig_floats(rig, s.c, -1, 1);
        f->host.mean = rig_floats(rig, s.c, -1, 1);
        f->host.inverse_deviation = rig_floats(rig, s.c, 0.5, 2);
        f->bn = (struct bn){.scale = rig_upload(rig, s.c, f->host.scale),
                            .shift = rig_upload(rig, s.c, f->host.shift),
                            .mean = rig_upload(rig, s.c, f->host.mean),
                            .inverse_deviation = rig_upload(rig, s.c, f->host.inverse_deviation)};
        f->shape.bn = &f->bn;
    }
    f->host.x = distinct(rig, f);
    f->x = rig_upload_stored(rig, f->inputs, f->host.x);
    return f;
}

static void activate(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = activation_case(rig, check, s);
    struct tensor y = rig_poisoned_stored(rig, f ? f->outputs : 0);
    RIG_RUN(rig, activation_forward(rig->dev, &f->shape, f->x, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 4, i, reference_activation(&f->host, i));
}

static void activation_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = activation_case(rig, check, s);
    size_t outputs = f ? f->outputs : 0, inputs = f ? f->inputs : 0;
    float *dy = activations(rig, outputs);
    struct tensor dgamma = rig_poisoned(rig, s.c), dbeta = rig_poisoned(rig, s.c);
    struct tensor dx = rig_poisoned_stored(rig, inputs);
    RIG_RUN(rig, activation_backward(rig->dev, &f->shape, f->x, rig_upload_stored(rig, outputs, dy), dgamma, dbeta, dx,
                                     rig_poisoned(rig, activation_workspace(rig->dev, &f->shape))));
    double roundings = 2; /* of dropout's factor */
    struct sum *dgammas = rig_zeros(rig, s.c * sizeof *dgammas), *dbetas = rig_zeros(rig, s.c * sizeof *dbetas);
    if (rig->err == VGGCL_OK && f->shape.bn) {
        for (size_t k = 0; k < s.c; k++) {
            dgammas[k] = reference_activation_dgamma(&f->host, dy, k);
            dbetas[k] = reference_activation_dbeta(&f->host, dy, k);
        }
        roundings = sum_roundings((double)(outputs / s.c)) + 8; /* a few operations besides the sums */
        RIG_COMPARE(rig, "dbeta", RIG_FLOATS, dbeta, roundings, k, dbetas[k]);
        RIG_COMPARE(rig, "dgamma", RIG_FLOATS, dgamma, roundings, k, dgammas[k]);
    }
    RIG_COMPARE(rig, "dx", RIG_FLOATS, dx, roundings, i, reference_activation_dx(&f->host, dy, dgammas, dbetas, i));
}

/* ------------------------------------------------------------------------------------------------------- others -- */

static void broadcast(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t rows = s.n * s.h * s.w;
    float *bias = rig_floats(rig, s.o, -1, 1);
    struct tensor y = rig_poisoned(rig, rows * s.o);
    RIG_RUN(rig, channel_broadcast(rig->dev, rows, s.o, rig_upload(rig, s.o, bias), y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 0, i, sum_exactly(bias[i % s.o]));
}

static void bias_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t rows = s.n * s.h * s.w;
    float *dy = activations(rig, rows * s.o);
    struct tensor sum = rig_poisoned(rig, s.o);
    RIG_RUN(rig, channel_sum(rig->dev, rows, s.o, rig_upload_stored(rig, rows * s.o, dy), sum,
                             rig_poisoned(rig, channel_workspace(rig->dev, rows, s.o))));
    RIG_COMPARE(rig, "sum", RIG_FLOATS, sum, slab_roundings(rig->dev, rows), k, reference_column_sum(rows, s.o, dy, k));
}

static void flatten(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t plane = s.h * s.w, image = plane * s.c, count = s.n * image;
    float *x = activations(rig, count);
    struct tensor on_device = rig_upload_stored(rig, count, x), y = rig_poisoned(rig, count);
    struct tensor dx = rig_poisoned_stored(rig, count);
    RIG_RUN(rig, flatten_forward(rig->dev, s.n, plane, s.c, on_device, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 0, i, sum_exactly(x[i / image * image + i % plane * s.c + i % image / plane]));
    RIG_RUN(rig, flatten_backward(rig->dev, s.n, plane, s.c, y, dx));
    RIG_COMPARE(rig, "dx", RIG_FLOATS, dx, 0, i, sum_exactly(x[i]));
}

static void cross_entropy(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t n = s.n, classes = s.o, count = n * classes;
    float *logits = rig_floats(rig, count, -5, 5);
    int32_t *label = rig_labels(rig, n, classes);
    double roundings = sum_roundings((double)classes) + 8; /* exp and log: 3 ulp each */
    for (double smoothing = 0; smoothing < 0.2; smoothing += 0.1) {
        struct tensor loss = rig_poisoned(rig, n), predicted = rig_poisoned(rig, n), dlogits = rig_poisoned(rig, count);
        RIG_RUN(rig, softmax_cross_entropy(rig->dev, n, classes, smoothing, n, rig_upload(rig, count, logits),
                                           rig_upload(rig, n, label), loss, predicted, dlogits));
        RIG_COMPARE(rig, "loss", RIG_FLOATS, loss, roundings, i,
                    reference_loss(classes, logits + i * classes, label[i], smoothing));
        RIG_COMPARE(rig, "predicted", RIG_INTEGERS, predicted, 0, i,
                    sum_exactly(reference_predicted(classes, logits + i * classes, label[i])));
        RIG_COMPARE(
            rig, "dlogits", RIG_FLOATS, dlogits, roundings, i,
            reference_dlogits(n, classes, logits + i / classes * classes, label[i / classes], smoothing, i % classes));
    }
}

static void totals(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    float *loss = rig_floats(rig, s.n, 0, 5);
    int32_t *predicted = rig_labels(rig, s.n, 4), *label = rig_labels(rig, s.n, 4), *zero = rig_zeros(rig, 4);
    struct tensor total = rig_poisoned(rig, 2), failed = rig_upload(rig, 1, zero);
    struct sum expected[2] = {{0, 0}, {0, 0}};
    for (size_t i = 0; rig->err == VGGCL_OK && i < s.n; i++) {
        sum_add(&expected[0], loss[i]);
        expected[1].value += predicted[i] == label[i];
    }
    RIG_RUN(rig, softmax_total(rig->dev, s.n, rig_upload(rig, s.n, loss), rig_upload(rig, s.n, predicted),
                               rig_upload(rig, s.n, label), total, true, failed));
    RIG_COMPARE(rig, "total", RIG_FLOATS, total, 2, i, expected[i]); /* summed as by Kahan */
    RIG_COMPARE(rig, "failed", RIG_INTEGERS, failed, 0, i, sum_exactly(0));
}

static void descent(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    enum { SCALE = 1024 };
    const struct sgd sgd = {0.01, 0.9, 5e-4, true, false};
    size_t count = 9 * s.c * s.o;
    int32_t *zero = rig_zeros(rig, 4);
    float *weight = rig_floats(rig, count, -1, 1), *gradient = rig_floats(rig, count, -SCALE, SCALE);
    float *velocity = rig_floats(rig, count, -1, 1);
    struct tensor w = rig_upload(rig, count, weight), v = rig_upload(rig, count, velocity);
    RIG_RUN(rig,
            sgd_step(rig->dev, sgd, SCALE, count, rig_upload(rig, 1, zero), w, rig_upload(rig, count, gradient), v));
    RIG_COMPARE(rig, "velocity", RIG_FLOATS, v, 4, i,
                reference_sgd_velocity(sgd, weight[i], gradient[i] / SCALE, velocity[i]));
    RIG_COMPARE(rig, "weight", RIG_FLOATS, w, 8, i,
                reference_sgd_weight(sgd, weight[i], gradient[i] / SCALE, velocity[i]));
}

static void swap(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o;
    const float *a = rig_floats(rig, count, -1, 1), *b = rig_floats(rig, count, -1, 1);
    struct tensor first = rig_upload(rig, count, a), second = rig_upload(rig, count, b);
    RIG_RUN(rig, average_swap(rig->dev, first, second));
    RIG_COMPARE(rig, "first", RIG_FLOATS, first, 0, i, sum_exactly(b[i]));
    RIG_COMPARE(rig, "second", RIG_FLOATS, second, 0, i, sum_exactly(a[i]));
}

static void image_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    enum { IMAGE = 3 * 32 * 32, FIRST = 3, EPOCH = 5 };
    size_t count = s.n + FIRST, bytes = count * IMAGE;
    uint8_t *pixels = rig_zeros(rig, bytes), *label = rig_zeros(rig, count + 3);
    int32_t *order = rig_zeros(rig, 4 * count);
    for (size_t i = 0; rig->err == VGGCL_OK && i < bytes; i++)
        pixels[i] = (uint8_t)(rng_u32(&rig->random) >> 24);
    for (size_t i = 0; rig->err == VGGCL_OK && i < count; i++) {
        label[i] = (uint8_t)rng_below(&rig->random, VGGCL_CLASSES);
        order[i] = (int32_t)(count - 1 - i);
    }
    struct image_set set = {count, rig_upload(rig, bytes / 4, pixels), rig_upload(rig, (count + 3) / 4, label)};
    struct tensor x = rig_poisoned_stored(rig, s.n * IMAGE), labels = rig_poisoned(rig, s.n);
    const struct augmentation augmentation = {MIRROR_BY_COIN, 4, 8, test_coins.seed, EPOCH};
    RIG_RUN(rig, image_batch(rig->dev, &set, rig_upload(rig, count, order), FIRST, s.n, &augmentation, x, labels));
    RIG_COMPARE(rig, "x", RIG_FLOATS, x, 5, i, reference_image(pixels, order, FIRST, &augmentation, i));
    RIG_COMPARE(rig, "labels", RIG_INTEGERS, labels, 0, i, sum_exactly(label[order[FIRST + i]]));
}

/* --------------------------------------------------------------------------------------------------- the table -- */

#define PLAIN(title, of_kernels, of_layer, sizes, how)                                                                 \
    { .name = title, .kernels = of_kernels, .layer = of_layer, .uses = sizes, .run = how }
#define OF(of_algorithm, when, title, of_kernels, sizes, how)                                                          \
    {                                                                                                                  \
        .name = title, .kernels = of_kernels, .layer = &layer_conv, .uses = sizes, .run = how,                         \
        .algorithm = of_algorithm, .directions = when                                                                  \
    }
#define PRODUCT(title, of_layer, how, of_algorithm, when, by)                                                          \
    {                                                                                                                  \
        .name = title, .layer = of_layer, .uses = CONV, .run = how, .algorithm = of_algorithm, .directions = when,     \
        .engine = by                                                                                                   \
    }
#define PRODUCTS(layer, algorithm, engine)                                                                             \
    PRODUCT("matrix product NN", layer, product_nn, algorithm, FORWARD | BACK, engine),                                \
        PRODUCT("matrix product TN", layer, product_tn, algorithm, WEIGHTS, engine)
#define PRODUCTS_WITH_NT(layer, algorithm, engine)                                                                     \
    PRODUCTS(layer, algorithm, engine), PRODUCT("matrix product NT", layer, product_nt, algorithm, BACK, engine)
#define ENGINE(engine)                                                                                                 \
    PRODUCTS_WITH_NT(&layer_linear, NULL, engine), PRODUCTS(&layer_conv, &conv_im2col, engine),                        \
        PRODUCTS_WITH_NT(&layer_conv, &conv_winograd2, engine), PRODUCTS_WITH_NT(&layer_conv, &conv_winograd4, engine)
#define TRANSFORMS(algorithm)                                                                                          \
    OF(algorithm, ANY, "input transform", "winograd/winograd_input", IMAGES, transform_input),                         \
        OF(algorithm, FORWARD | BACK, "output transform", "winograd/winograd_output", N | H | W | O,                   \
           transform_output),                                                                                          \
        OF(algorithm, WEIGHTS, "gradient transform", "winograd/winograd_gradient", N | H | W | O, transform_gradient), \
        OF(algorithm, FORWARD | BACK, "weight transform", "winograd/winograd_weight*", C | O, transform_weight),       \
        OF(algorithm, WEIGHTS, "weight gradient transform", "winograd/winograd_weight_gradient", C | O,                \
           transform_weight_gradient)
#define CONVOLUTIONS(algorithm, kernels)                                                                               \
    OF(algorithm, FORWARD, "conv forward", kernels, CONV, forward),                                                    \
        OF(algorithm, BACK, "conv data gradient", kernels, CONV, data_gradient),                                       \
        OF(algorithm, WEIGHTS, "conv weight gradient", kernels, CONV, weight_gradient)
#define STATISTICS(title, of_kernels, sizes, how)                                                                      \
    { .name = title, .kernels = of_kernels, .layer = &layer_activation, .uses = sizes, .run = how, .statistics = true }
#define ACTIVATION_PASS(title, of_kernels, how, normalised, pooled, dropped)                                           \
    {                                                                                                                  \
        .name = title, .kernels = of_kernels, .layer = &layer_activation, .uses = IMAGES, .run = how,                  \
        .normalise = normalised, .pool = pooled, .dropout = dropped                                                    \
    }
#define ACTIVATION(name, ...)                                                                                          \
    ACTIVATION_PASS(name, "activation/activation_forward", activate, __VA_ARGS__),                                     \
        ACTIVATION_PASS(name " gradient", "activation/activation_sums, activation_gradient", activation_gradient,      \
                        __VA_ARGS__)

const struct check operator_checks[] = {
    PLAIN("images, augmented", "image/image_batch", &layer_linear, N, image_batches),
    PLAIN("bias broadcast", "channel/broadcast", &layer_conv, N | H | W | O, broadcast),
    PLAIN("bias gradient", "channel/column_sum*", &layer_conv, N | H | W | O, bias_gradient),
    OF(&conv_im2col, ANY, "im2col", "im2col/im2col", IMAGES, columns),
    OF(&conv_im2col, ANY, "storage", "storage/*", N | H | W | O, storage),
    OF(&conv_im2col, BACK, "weight rotation", "im2col/rotate_weight", C | O, rotation),
    TRANSFORMS(&conv_winograd2),
    TRANSFORMS(&conv_winograd4),
    TRANSFORMS(&conv_winograd2_lone),
    ENGINE(GEMM_TILED),
    {.name = "matrix product, other tiles",
     .kernels = "gemm_local/gemm_local, gemm/gemm",
     .layer = &layer_linear,
     .uses = CONV,
     .run = product_tiles,
     .extra = true},
    ENGINE(GEMM_CLBLAST),
    CONVOLUTIONS(&conv_direct, "direct/*"),
    CONVOLUTIONS(&conv_im2col, "im2col/*, a matrix product"),
    CONVOLUTIONS(&conv_winograd2, "winograd/*, a matrix product"),
    CONVOLUTIONS(&conv_winograd4, "winograd/*, a matrix product"),
    CONVOLUTIONS(&conv_winograd4_fused, "winograd/winograd_fused*"),
    CONVOLUTIONS(&conv_winograd4_sliced, "winograd/winograd_sliced*"),
    CONVOLUTIONS(&conv_winograd2_lone, "winograd/*, a matrix product"),
    CONVOLUTIONS(&conv_winograd2_lone_sliced, "winograd/winograd_sliced*"),
    STATISTICS("bn training", "bn/bn_partial, bn_finish, average/average_move", IMAGES, bn_training),
    STATISTICS("bn evaluation", "bn/bn_inference", C, bn_evaluation),
    ACTIVATION("relu", false, false, DROPOUT_NONE),
    ACTIVATION("relu, element dropout", false, false, DROPOUT_ELEMENT),
    ACTIVATION("relu, channel dropout", false, false, DROPOUT_CHANNEL),
    ACTIVATION("relu, pooling", false, true, DROPOUT_NONE),
    ACTIVATION("relu, pooling, element dropout", false, true, DROPOUT_ELEMENT),
    ACTIVATION("bn, relu", true, false, DROPOUT_NONE),
    ACTIVATION("bn, relu, element dropout", true, false, DROPOUT_ELEMENT),
    ACTIVATION("bn, relu, channel dropout", true, false, DROPOUT_CHANNEL),
    ACTIVATION("bn, relu, pooling", true, true, DROPOUT_NONE),
    ACTIVATION("bn, relu, pooling, element dropout", true, true, DROPOUT_ELEMENT),
    PLAIN("flatten", "flatten/*", &layer_flatten, IMAGES, flatten),
    PLAIN("softmax cross-entropy", "softmax/softmax_cross_entropy", &layer_linear, N | O, cross_entropy),
    PLAIN("totals", "softmax/softmax_total", &layer_linear, N, totals),
    PLAIN("SGD", "sgd/sgd_step", &layer_conv, C | O, descent),
    PLAIN("change with averages", "average/average_swap", &layer_conv, C | O, swap),
    {0},
};
