/* peak.h - kernels that measure a device's peak arithmetic throughput and memory bandwidth, to compare others with. */
#ifndef VGGCL_OPS_PEAK_H
#define VGGCL_OPS_PEAK_H

#include "cl/device.h"

/* `items` work-items each run 12 independent chains of `rounds` multiply-adds x = x * 1 + 1 in every vector lane; chain
 * k of work-item i starts with x = i + k. *flops is set to the number of operations; a multiply-add counts as two. sum
 * receives peak_sum_words(d, items) words: for each lane the sum of its chains. */
enum vggcl_err peak_multiply_add(struct dev *d, size_t items, size_t rounds, struct tensor sum, double *flops);
size_t peak_sum_words(const struct dev *d, size_t items);

/* What a kernel does with the first `words` words of a buffer, a multiple of PEAK_WORDS: sums them, sets them to 1, or
 * copies the first half of them over the second. `stream` writes past the cache where the device can, which is faster
 * where the buffer does not fit into it. sum: peak_move_items(d, move, words) vectors for the sums. *bytes is set to
 * what is read and written together. */
enum peak_move { PEAK_READ, PEAK_WRITE, PEAK_COPY, PEAK_MOVES };
enum { PEAK_WORDS = 1 << 13 };
enum vggcl_err peak_move(struct dev *d, enum peak_move move, bool stream, size_t words, struct tensor buffer,
                         struct tensor sum, double *bytes);
size_t peak_move_items(const struct dev *d, enum peak_move move, size_t words);

#endif
