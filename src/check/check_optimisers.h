/* check_optimisers.h - the references of the optimisers' steps, from those of struct optimiser. */
#ifndef VGGCL_CHECK_CHECK_OPTIMISERS_H
#define VGGCL_CHECK_CHECK_OPTIMISERS_H

#include "check/sum.h"
#include "ops/optimisers/optimiser.h"

/* Weights and states before a step of an optimiser; element i of them becomes that weight, and that state number k. */
struct optimised_words {
    const float *weight, *state[OPTIMISER_STATES];
};
struct sum reference_weight(const struct optimiser *optimiser, const struct hyperparameters *h, double gradient,
                            struct optimised_words before, size_t i);
struct sum reference_state(const struct optimiser *optimiser, const struct hyperparameters *h, int k, double gradient,
                           struct optimised_words before, size_t i);

#endif
