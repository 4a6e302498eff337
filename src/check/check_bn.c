#include "check/check_bn.h"
#include "check/check_channel.h"
#include "check/operators.h"
#include "ops/average.h"
#include "ops/bn.h"

#include <float.h>
#include <math.h>

/* ----------------------------------------------------------------------------------------------------- reference -- */

struct sum reference_bn_mean(const struct reference_bn *bn, size_t channel) {
    struct sum mean = {0, 0};
    for (size_t i = 0; i < bn->pixels; i++)
        sum_add(&mean, bn->x[i * bn->c + channel] / (double)bn->pixels);
    return mean;
}

static double variance(const struct reference_bn *bn, size_t channel, double mean) {
    double squares = 0;
    for (size_t i = 0; i < bn->pixels; i++)
        squares += pow(bn->x[i * bn->c + channel] - mean, 2);
    return squares / (double)bn->pixels;
}

struct sum reference_bn_inverse_deviation(const struct reference_bn *bn, size_t channel) {
    return sum_of(1 / sqrt(variance(bn, channel, reference_bn_mean(bn, channel).value) + BN_EPSILON));
}

struct sum reference_bn_running_mean(const struct reference_bn *bn, size_t channel) {
    double old = bn->running_mean[channel];
    struct sum mean = reference_bn_mean(bn, channel);
    return (struct sum){old + BN_MOMENTUM * (mean.value - old), fabs(old) + mean.magnitude};
}

struct sum reference_bn_running_variance(const struct reference_bn *bn, size_t channel) {
    double old = bn->running_variance[channel], n = (double)bn->pixels;
    double unbiased = n > 1 ? variance(bn, channel, reference_bn_mean(bn, channel).value) * n / (n - 1) : 0;
    return (struct sum){old + BN_MOMENTUM * (unbiased - old), fabs(old) + unbiased};
}

struct sum reference_bn_scale(const struct reference_bn *bn, size_t channel) {
    return sum_of(bn->gamma[channel] * reference_bn_inverse_deviation(bn, channel).value);
}

static struct sum shift(double beta, struct sum mean, double scale) {
    return (struct sum){beta - mean.value * scale, fabs(beta) + mean.magnitude * fabs(scale)};
}

struct sum reference_bn_shift(const struct reference_bn *bn, size_t channel) {
    return shift(bn->beta[channel], reference_bn_mean(bn, channel), reference_bn_scale(bn, channel).value);
}

struct sum reference_bn_running_scale(const struct reference_bn *bn, size_t channel) {
    return sum_of(bn->gamma[channel] / sqrt(bn->running_variance[channel] + BN_EPSILON));
}

struct sum reference_bn_running_shift(const struct reference_bn *bn, size_t channel) {
    return shift(bn->beta[channel], sum_of(bn->running_mean[channel]), reference_bn_running_scale(bn, channel).value);
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* The operands of batch normalisation of x[pixels][c]. */
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

/* Compares the statistics of a batch. */
static void compare_batch(struct rig *rig, const struct normalisation *f, double roundings) {
    RIG_COMPARE(rig, "mean", RIG_FLOATS, f->bn.mean, roundings, k, reference_bn_mean(&f->host, k));
    RIG_COMPARE(rig, "inverse deviation", RIG_FLOATS, f->bn.inverse_deviation, roundings, k,
                reference_bn_inverse_deviation(&f->host, k));
}

void bn_compare_statistics(struct rig *rig, size_t pixels, size_t o, size_t slabs, struct tensor partial,
                           const float *y) {
    struct normalisation f = normalisation(rig, pixels, o, y);
    double roundings = sum_roundings((double)pixels) + 4 + stored_rounding(rig->context.stored) / FLT_EPSILON;
    RIG_RUN(rig, bn_finish(rig->dev, slabs, o, &f.bn, partial));
    compare_batch(rig, &f, roundings);
}

static void bn_training(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t pixels = s.n * s.h * s.w, count = pixels * s.c;
    struct normalisation f = normalisation(rig, pixels, s.c, rig_stored(rig, count, rig_normal(rig, count, 0.5, 2)));
    struct tensor partial = rig_poisoned(rig, bn_partial_words(bn_slabs(rig->dev, pixels), s.c));
    double roundings = slab_roundings(rig->dev, pixels);
    struct tensor x = rig_upload_stored(rig, count, f.host.x);
    RIG_RUN(rig, bn_partial(rig->dev, pixels, s.c, x, partial));
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

static bool fits(const struct check *check, const struct layer_spec *spec) {
    (void)check;
    return spec->bn;
}

#define STATISTICS(title, of_kernels, sizes, how)                                                                      \
    {.name = title, .kernels = of_kernels, .layer = "activation", .uses = sizes, .run = how, .fits = fits}

const struct check bn_checks[] = {
    STATISTICS("bn training", "bn/bn_partial, bn_finish, average/average_move", IMAGES, bn_training),
    STATISTICS("bn evaluation", "bn/bn_inference", C, bn_evaluation),
    {0},
};
