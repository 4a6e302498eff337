/* peak.h - kernels that reach what a device can do at most, to hold the others against. */
#ifndef VGGCL_OPS_PEAK_H
#define VGGCL_OPS_PEAK_H

#include "cl/device.h"

/* items work-items run chains of sum = sum * factor + factor, rounds long; *flops is how many operations that takes, a
 * multiply-add counting as two. sum: peak_sum_words(d, items) words. */
enum vggcl_err peak_multiply_add(struct dev *d, size_t items, size_t rounds, struct tensor sum, double *flops);
size_t peak_sum_words(const struct dev *d, size_t items);

/* to = from, count words (a multiple of 16): reads and writes 4 * count bytes each. */
enum vggcl_err peak_copy(struct dev *d, size_t count, struct tensor from, struct tensor to);

#endif
