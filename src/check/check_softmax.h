/* check_softmax.h - references for the softmax cross-entropy. */
#ifndef VGGCL_CHECK_CHECK_SOFTMAX_H
#define VGGCL_CHECK_CHECK_SOFTMAX_H

#include "check/sum.h"

#include <stddef.h>
#include <stdint.h>

/* For a row of logits, with label smoothing. The relative rounding error of exp(x) grows with |x|, so magnitudes
 * include |logit - best|. predicted is -1 if the loss is NaN. */
struct sum reference_loss(size_t classes, const float *logits, int32_t label, double smoothing);
int32_t reference_predicted(size_t classes, const float *logits, int32_t label);
struct sum reference_dlogits(size_t n, size_t classes, const float *logits, int32_t label, double smoothing, size_t k);

#endif
