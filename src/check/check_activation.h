/* check_activation.h - references for normalisation, relu, pooling and dropout (ops/activation.h). */
#ifndef VGGCL_CHECK_CHECK_ACTIVATION_H
#define VGGCL_CHECK_CHECK_ACTIVATION_H

#include "check/sum.h"
#include "ops/activation.h"

/* The operands on the host; scale is NULL without normalisation. */
struct reference_activation {
    const struct activation *shape;
    const float *x, *scale, *shift, *mean, *inverse_deviation;
};
struct sum reference_activation(const struct reference_activation *a, size_t i);
struct sum reference_activation_dgamma(const struct reference_activation *a, const float *dy, size_t channel);
struct sum reference_activation_dbeta(const struct reference_activation *a, const float *dy, size_t channel);
/* dgamma and dbeta of all channels; not used without normalisation. */
struct sum reference_activation_dx(const struct reference_activation *a, const float *dy, const struct sum *dgamma,
                                   const struct sum *dbeta, size_t i);

/* x / (1 - p), or 0 if the unit is dropped. */
struct sum reference_dropout(struct dropout_mask mask, size_t unit, double x);

#endif
