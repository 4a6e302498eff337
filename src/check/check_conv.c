#include "check/check_conv.h"
#include "base/stored.h"
#include "check/check_bn.h"
#include "check/operators.h"
#include "ops/conv/conv.h"
#include "ops/conv/winograd.h"

#include <float.h>
#include <math.h>

/* ----------------------------------------------------------------------------------------------------- reference -- */

struct sum reference_conv(struct conv_shape s, const float *x, const float *weight, const float *bias, size_t i) {
    struct sum y = sum_of(bias ? bias[i % s.o] : 0);
    for (size_t tap = 0; tap < 9; tap++) {
        long from = conv_neighbour(s, i / s.o, tap);
        for (size_t c = 0; from >= 0 && c < s.c; c++)
            sum_add(&y, (double)x[(size_t)from * s.c + c] * weight[(tap * s.c + c) * s.o + i % s.o]);
    }
    return y;
}

/* The pixel that reads this one with `tap` is the one that this one would read with the opposite tap. */
struct sum reference_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy, size_t i) {
    struct sum dx = {0, 0};
    for (size_t tap = 0; tap < 9; tap++) {
        long from = conv_neighbour(s, i / s.c, 8 - tap);
        for (size_t o = 0; from >= 0 && o < s.o; o++)
            sum_add(&dx, (double)dy[(size_t)from * s.o + o] * weight[(tap * s.c + i % s.c) * s.o + o]);
    }
    return dx;
}

struct sum reference_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy, size_t i) {
    struct sum dweight = {0, 0};
    size_t o = i % s.o, c = i / s.o % s.c, tap = i / s.o / s.c;
    for (size_t pixel = 0; pixel < s.n * s.h * s.w; pixel++) {
        long from = conv_neighbour(s, pixel, tap);
        if (from >= 0)
            sum_add(&dweight, (double)x[(size_t)from * s.c + c] * dy[pixel * s.o + o]);
    }
    return dweight;
}

float reference_rotated(size_t c, size_t o, const float *weight, size_t i) {
    return weight[((8 - i / o / c) * o + i % o) * c + i / o % c];
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* In FLT_EPSILON, as sum_roundings(). Winograd's transforms multiply and add numbers that are larger than the terms.
 * For inputs of equal magnitudes the ratio is at most the sum over points p of |A[p][i]| * sum |B'[p][:]| * sum
 * |G[p][:]|, divided by 3 terms, for the worst output i, squared for two dimensions: (6/3)^2 for F(2), (48/3)^2 for
 * F(4). For the weight gradient A and G are exchanged and the divisor is the tile's side: (6/2)^2 and (53.3/4)^2. The
 * 32 operations of the transforms add their own roundings. Actual errors are so far below this bound that lambda = 2 is
 * enough. An error in a tile spreads over all of its outputs, so errors are compared with the largest magnitude.
 *
 * Where transforms are rounded to bfloat16, each product has two more roundings of 2^-8, which are independent. Their
 * sum is at most lambda * 2 * 2^-8 times the root of the sum of the squared products. With inputs of equal magnitudes,
 * the ratio of that root to the sum of the 9c terms is, as above but with squares, at most (22 / 9) / sqrt(c) forward
 * and with t tiles (12 / 4) / sqrt(t) for the weight gradient: both are less than 8 / sqrt(terms). For few terms, the
 * sum itself bounds it: 9. */
static double conv_roundings(const struct conv_algorithm *a, double terms) {
    if (a->alpha == 0)
        return sum_roundings(terms);
    if (a->matrix)
        return 2 * BF16_ROUNDING / FLT_EPSILON * fmin(9, 2 * 8 / sqrt(terms));
    return sqrt(terms + 32) * (a->alpha == WINOGRAD_F4 ? 256 : 9);
}

static enum rig_kind conv_kind(const struct conv_algorithm *a) {
    return a->alpha ? RIG_SPREAD : RIG_FLOATS;
}

/* Plans the check's convolution and gives the operands exactly the scratch memory that it asks for. */
static struct conv_plan plan(struct rig *rig, const struct check *check, struct conv_shape s,
                             enum conv_direction direction, struct conv_operands *o) {
    struct conv_plan p = {0};
    RIG_RUN(rig, conv_make_plan(&rig->context, (struct conv_method){check->algorithm, rig->context.engine}, s,
                                direction, &p));
    o->scratch = (struct conv_scratch){rig_poisoned(rig, p.words.weight), rig_poisoned(rig, p.words.input),
                                       rig_poisoned(rig, p.words.output), rig_poisoned(rig, p.words.product)};
    return p;
}

/* Weights or activations as the plan's algorithm multiplies them. */
static const float *multiplied(struct rig *rig, const struct conv_plan *p, size_t count, const float *numbers) {
    float *rounded = rig_zeros(rig, count * sizeof *rounded);
    if (!rounded || !p->algorithm || !p->algorithm->rounds_operands)
        return numbers;
    for (size_t i = 0; i < count; i++)
        rounded[i] = matrix_operand(rig->dev->matrix, numbers[i]);
    return rounded;
}

static void forward(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w, weights = 9 * s.c * s.o;
    float *x = rig_activations(rig, pixels * s.c), *weight = rig_floats(rig, weights, -1, 1);
    float *bias = rig_floats(rig, s.o, -1, 1);
    struct conv_operands o = {.x = rig_upload_stored(rig, pixels * s.c, x),
                              .weight = rig_upload(rig, weights, weight),
                              .bias = rig_upload(rig, s.o, bias),
                              .y = rig_poisoned_stored(rig, pixels * s.o)};
    struct conv_plan p = plan(rig, check, s, CONV_FORWARD, &o);
    if (p.slabs)
        o.statistics = rig_poisoned(rig, bn_partial_words(p.slabs, s.o));
    RIG_RUN(rig, conv_run(rig->dev, &p, &o));
    const float *factors = multiplied(rig, &p, weights, weight), *inputs = multiplied(rig, &p, pixels * s.c, x);
    RIG_COMPARE(rig, "y", conv_kind(a), o.y, conv_roundings(a, 9.0 * (double)s.c), i,
                reference_conv(s, inputs, factors, bias, i));
    if (p.slabs)
        bn_compare_statistics(rig, pixels, s.o, p.slabs, o.statistics, rig_download(rig, o.y));
}

static void data_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w, weights = 9 * s.c * s.o;
    float *dy = rig_activations(rig, pixels * s.o), *weight = rig_floats(rig, weights, -1, 1);
    struct conv_operands o = {.x = rig_poisoned_stored(rig, pixels * s.c),
                              .weight = rig_upload(rig, weights, weight),
                              .y = rig_upload_stored(rig, pixels * s.o, dy)};
    struct conv_plan p = plan(rig, check, s, CONV_DATA_GRADIENT, &o);
    RIG_RUN(rig, conv_run(rig->dev, &p, &o));
    const float *factors = multiplied(rig, &p, weights, weight), *gradients = multiplied(rig, &p, pixels * s.o, dy);
    RIG_COMPARE(rig, "dx", conv_kind(a), o.x, conv_roundings(a, 9.0 * (double)s.o), i,
                reference_conv_data_gradient(s, factors, gradients, i));
}

static void weight_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    const struct conv_algorithm *a = check->algorithm;
    size_t pixels = s.n * s.h * s.w;
    float *x = rig_activations(rig, pixels * s.c), *dy = rig_activations(rig, pixels * s.o);
    struct conv_operands o = {.x = rig_upload_stored(rig, pixels * s.c, x),
                              .weight = rig_poisoned(rig, 9 * s.c * s.o),
                              .y = rig_upload_stored(rig, pixels * s.o, dy)};
    struct conv_plan p = plan(rig, check, s, CONV_WEIGHT_GRADIENT, &o);
    RIG_RUN(rig, conv_run(rig->dev, &p, &o));
    const float *inputs = multiplied(rig, &p, pixels * s.c, x), *gradients = multiplied(rig, &p, pixels * s.o, dy);
    RIG_COMPARE(rig, "dweight", conv_kind(a), o.weight, conv_roundings(a, (double)pixels), i,
                reference_conv_weight_gradient(s, inputs, gradients, i));
}

static bool is_any(const struct conv_algorithm *a) {
    return a != NULL;
}

const struct check conv_checks[] = {
    CHECK_OF_EACH(is_any, FORWARD, "conv forward", NULL, CONV, forward),
    CHECK_OF_EACH(is_any, BACK, "conv data gradient", NULL, CONV, data_gradient),
    CHECK_OF_EACH(is_any, WEIGHTS, "conv weight gradient", NULL, CONV, weight_gradient),
    {0},
};
