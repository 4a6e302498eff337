/* tune.h - the search for the fastest way to do a network's convolutions on a device: by measuring. */
#ifndef VGGCL_TRAIN_TUNE_H
#define VGGCL_TRAIN_TUNE_H

#include "ops/tuning.h"

/* Seconds that train spends before its first steps, on a device that nothing is known of. */
#define TUNE_QUICK_BUDGET 8.0

/* Whether d goes by a tuning that lacks a convolution of config's network, or by none. */
enum vggcl_err tune_lacks(struct dev *d, const struct vggcl_config *config, bool *lacks);

/* Measures for up to TUNE_QUICK_BUDGET seconds what d's tuning lacks of config's network, and has d go by what was
 * found. CPUs, on which CLBlast takes seconds to compile and is slow then, are measured with the own engine alone. */
enum vggcl_err tune_quick(struct dev *d, const struct vggcl_config *config);

#endif
