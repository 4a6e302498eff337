/* conv_matrix.h - convolution by a device's matrix instructions (cl/matrix.cl), for activations that are stored as
 * their operands' type. Weights, and activations that are floats, are rounded as cl/matrix.h says; sums are floats. */
#ifndef VGGCL_OPS_CONV_CONV_MATRIX_H
#define VGGCL_OPS_CONV_CONV_MATRIX_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_matrix;

/* How x, one of the operands of a weight gradient, is packed for it: matrix_images() in cl/conv_matrix.cl. */
struct matrix_packing {
    size_t n, pixels, c; /* n images of `pixels` pixels and c channels */
    bool rows;           /* tiles of rows, with adjacent images; else tiles of columns, with adjacent channels */
    size_t panel;        /* tiles of channels that are together */
};
size_t matrix_packed_words(const struct dev *d, struct matrix_packing p);
struct kernel matrix_images_kernel(const struct dev *d);

/* Packs the images of x from number `first` on. */
enum vggcl_err matrix_images(struct dev *d, struct kernel *kernel, struct matrix_packing p, struct tensor x,
                             size_t first, struct tensor packed);

/* Tiles of 16 outputs that are stored together; two fill a cache line. */
size_t matrix_panel_tiles(size_t o);

/* Packs weights [tap][c][o], or if `rotated` is set the rotated weights of a data gradient, [tap][o][c], rounded.
 */
size_t matrix_weight_words(const struct dev *d, size_t c, size_t o);
struct kernel matrix_weight_kernel(const struct dev *d, size_t o);
enum vggcl_err matrix_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, bool rotated,
                             struct tensor weight, struct tensor packed);

#endif
