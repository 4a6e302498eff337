/* peak.h - kernels that measure a device's peak arithmetic throughput and memory bandwidth, to compare others with. */
#ifndef VGGCL_OPS_PEAK_H
#define VGGCL_OPS_PEAK_H

#include "cl/device.h"

/* `items` work-items each run 12 independent chains of `rounds` multiply-adds x = x * 1 + 1 in every vector lane; chain
 * k of work-item i starts with x = i + k. *flops is set to the number of operations; a multiply-add counts as two. sum
 * receives peak_sum_words(d, items) words: for each lane the sum of its chains. */
enum vggcl_err peak_multiply_add(struct dev *d, size_t items, size_t rounds, struct tensor sum, double *flops);
size_t peak_sum_words(const struct dev *d, size_t items);

/* Copies count words (a multiple of 16): reads 4 * count bytes and writes as many. */
enum vggcl_err peak_copy(struct dev *d, size_t count, struct tensor from, struct tensor to);

#endif
