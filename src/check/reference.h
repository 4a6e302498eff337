/* reference.h - what the operators should compute, in double precision, an element at a time, so that a few elements of
 * a large output can be had too. Arrays are laid out as the operators' headers say; i counts an output's elements. */
#ifndef VGGCL_CHECK_REFERENCE_H
#define VGGCL_CHECK_REFERENCE_H

#include "ops/activation.h"
#include "ops/conv.h"
#include "ops/gemm.h"
#include "ops/image.h"
#include "ops/sgd.h"

/* A result in double precision, and the sum of the magnitudes of the terms that it was summed from: rounding errors are
 * measured by that, for what cancels in the result has been rounded before. */
struct sum {
    double value, magnitude;
};

/* What is only copied, or counted: nothing is rounded, so nothing may differ. */
static inline struct sum sum_exactly(double value) {
    return (struct sum){value, 0};
}

/* A sum of one term. */
static inline struct sum sum_of(double term) {
    return (struct sum){term, term < 0 ? -term : term};
}

static inline void sum_add(struct sum *s, double term) {
    s->value += term;
    s->magnitude += term < 0 ? -term : term;
}

static inline struct sum sum_plus(struct sum s, double term) {
    sum_add(&s, term);
    return s;
}

/* ------------------------------------------------------------------------------------------------ convolutions -- */

/* The pixel that tap reaches from pixel of s.n images, counted through all of them; -1 outside of the image. */
long reference_neighbour(struct conv_shape s, size_t pixel, size_t tap);

struct sum reference_conv(struct conv_shape s, const float *x, const float *weight, const float *bias, size_t i);
struct sum reference_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy, size_t i);
struct sum reference_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy, size_t i);

/* rotated[tap][c][o] of weight[8 - tap][o][c]. */
float reference_rotated(size_t c, size_t o, const float *weight, size_t i);

/* Winograd's transforms (winograd.h) of images from number 0 on; bias may be NULL. */
struct sum reference_winograd_input(int alpha, struct conv_shape s, const float *x, size_t i);
struct sum reference_winograd_gradient(int alpha, struct conv_shape s, const float *dy, size_t i);
struct sum reference_winograd_output(int alpha, struct conv_shape s, const float *m, const float *bias, size_t i);
struct sum reference_winograd_weight(int alpha, size_t c, size_t o, const float *weight, size_t i);
struct sum reference_winograd_weight_gradient(int alpha, size_t c, size_t o, const float *du, size_t i);

/* ---------------------------------------------------------------------------------------------- matrix products -- */

/* Element (row, column) of product `number` of a batch; the views' tensors are not looked at, the words are a and b. */
struct sum reference_gemm(size_t depth, struct matrix a_view, const float *a, struct matrix b_view, const float *b,
                          size_t number, size_t row, size_t column);

/* ------------------------------------------------------------------------------------------ batch normalisation -- */

struct reference_bn {
    size_t pixels, c;
    const float *x, *gamma, *beta, *running_mean, *running_variance;
};
struct sum reference_bn_mean(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_inverse_deviation(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_running_mean(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_running_variance(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_scale(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_shift(const struct reference_bn *bn, size_t channel);

/* From the running statistics. */
struct sum reference_bn_running_scale(const struct reference_bn *bn, size_t channel);
struct sum reference_bn_running_shift(const struct reference_bn *bn, size_t channel);

/* ------------------------------------------------------------------------------------------------- activations -- */

/* activation.h's operands on the host; without normalisation scale is NULL. */
struct reference_activation {
    const struct activation *shape;
    const float *x, *scale, *shift, *mean, *inverse_deviation;
};
struct sum reference_activation(const struct reference_activation *a, size_t i);
struct sum reference_activation_dgamma(const struct reference_activation *a, const float *dy, size_t channel);
struct sum reference_activation_dbeta(const struct reference_activation *a, const float *dy, size_t channel);
/* dgamma and dbeta of all channels are not looked at without normalisation. */
struct sum reference_activation_dx(const struct reference_activation *a, const float *dy, const struct sum *dgamma,
                                   const struct sum *dbeta, size_t i);

/* ------------------------------------------------------------------------------------------------------- others -- */

struct sum reference_column_sum(size_t rows, size_t c, const float *x, size_t column);

/* x times 1 / (1 - p) where the unit's coin keeps it, else 0. */
struct sum reference_dropout(struct coins coins, size_t unit, double x);

/* Of a row of logits, with label smoothing. An exponential's rounding error is relative to the power: hence magnitudes
 * with |logit - best|. predicted is -1 where the loss is NaN. */
struct sum reference_loss(size_t classes, const float *logits, int32_t label, double smoothing);
int32_t reference_predicted(size_t classes, const float *logits, int32_t label);
struct sum reference_dlogits(size_t n, size_t classes, const float *logits, int32_t label, double smoothing, size_t k);

struct sum reference_sgd_velocity(struct sgd sgd, double weight, double gradient, double velocity);
struct sum reference_sgd_weight(struct sgd sgd, double weight, double gradient, double velocity);

/* x of image_batch(): the bytes and the order are those of its image set. */
struct sum reference_image(const uint8_t *pixels, const int32_t *order, size_t first,
                           const struct augmentation *augmentation, size_t i);

#endif
