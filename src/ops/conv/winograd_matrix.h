/* winograd_matrix.h - Winograd's F(2x2, 3x3) by a device's matrix instructions (cl/matrix.cl), for activations that are
 * stored as bfloat16. Transformed inputs and weights are rounded to bfloat16; sums are floats. */
#ifndef VGGCL_OPS_CONV_WINOGRAD_MATRIX_H
#define VGGCL_OPS_CONV_WINOGRAD_MATRIX_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_winograd2_matrix, conv_winograd2_lone_matrix;

/* The transformed weights of tap [tap][c][o], or if `rotated` is set of the rotated weights of a data gradient,
 * [tap][o][c], packed as bfloat16. */
size_t winograd_matrix_weight_words(int alpha, size_t c, size_t o);
struct kernel winograd_matrix_weight_kernel(const struct dev *d, int alpha, size_t o);
enum vggcl_err winograd_matrix_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, bool rotated,
                                      struct tensor weight, struct tensor packed);

#endif
