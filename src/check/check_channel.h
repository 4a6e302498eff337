/* check_channel.h - the reference for column sums, and the rounding errors of sums in two levels. */
#ifndef VGGCL_CHECK_CHECK_CHANNEL_H
#define VGGCL_CHECK_CHECK_CHANNEL_H

#include "check/sum.h"
#include "cl/device.h"

struct sum reference_column_sum(size_t rows, size_t c, const float *x, size_t column);

/* The largest rounding error of a sum over `rows` rows that is computed slab by slab (ops/channel.h), in FLT_EPSILON
 * times the sum of its terms' magnitudes. */
double slab_roundings(const struct dev *d, size_t rows);

#endif
