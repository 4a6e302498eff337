/* check_bn.h - references for batch normalisation. */
#ifndef VGGCL_CHECK_CHECK_BN_H
#define VGGCL_CHECK_CHECK_BN_H

#include "check/rig.h"
#include "check/sum.h"

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

/* Compares the statistics that a convolution computed of its output y[pixels][o]. It computed them before y was rounded
 * to be stored. */
void bn_compare_statistics(struct rig *rig, size_t pixels, size_t o, size_t slabs, struct tensor partial,
                           const float *y);

#endif
