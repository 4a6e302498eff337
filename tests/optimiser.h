/* optimiser.h - compares steps of an optimiser on a device with its reference, for tests/test_op_*.c. */
#ifndef VGGCL_TESTS_OPTIMISER_H
#define VGGCL_TESTS_OPTIMISER_H

#include "common.h"

#include "ops/optimisers/optimiser.h"

/* Runs steps 1 to last on count random words, with states that start at 0, and fails the test if any word is wrong
 * after any step. With h.no_bias_decay the second half of the words are biases. */
void check_steps(const struct optimiser *optimiser, struct hyperparameters h, size_t count, int last);

/* Fails the test unless a step after a loss that is not finite leaves weights and states unchanged. */
void check_stands_still(const struct optimiser *optimiser, struct hyperparameters h);

#endif
