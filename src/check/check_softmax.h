/* check_softmax.h - references for the softmax cross-entropy. */
#ifndef VGGCL_CHECK_CHECK_SOFTMAX_H
#define VGGCL_CHECK_CHECK_SOFTMAX_H

#include "check/sum.h"

#include <stddef.h>
#include <stdint.h>

/* The label of a row: one class for a share, another one for the rest, with label smoothing; weight: [classes], NULL
 * for none. */
struct reference_label {
    size_t classes;
    int32_t label, partner;
    double share, smoothing;
    const float *weight;
};

/* For a row of logits. The relative rounding error of exp(x) grows with |x|, so magnitudes
 * include |logit - best|. predicted is -1 if the loss is NaN. */
struct sum reference_loss(const float *logits, struct reference_label label);
int32_t reference_predicted(const float *logits, struct reference_label label);
struct sum reference_dlogits(size_t n, const float *logits, struct reference_label label, size_t k);

#endif
