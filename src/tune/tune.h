/* tune.h - auto-tuning of a device for a network, as train does it. */
#ifndef VGGCL_TUNE_TUNE_H
#define VGGCL_TUNE_TUNE_H

#include "data/dataset.h"
#include "ops/context.h"

/* Most seconds that train measures before its first step, on a device without a profile; building the kernels that are
 * measured takes as many at most. */
#define TUNE_QUICK_BUDGET 8.0

/* *lacks: the context's tuning does not contain every convolution of config's network on images of `data`. */
enum vggcl_err tune_lacks(const struct context *context, const struct vggcl_config *config,
                          const struct data_spec *data, bool *lacks);

/* Tunes the convolutions of config's network that the context's tuning lacks, for up to TUNE_QUICK_BUDGET seconds, and
 * adds the result to the tuning, which then contains all of them: those that were not measured in time keep the
 * built-in rules, so that the next run does not choose others. On CPUs, where CLBlast takes seconds to compile and is
 * slow afterwards, only the built-in kernels are measured. Methods that give wrong results are not chosen; *warnings as
 * in check_method(). */
enum vggcl_err tune_quick(struct context *context, const struct vggcl_config *config, const struct data_spec *data,
                          char **warnings);

#endif
