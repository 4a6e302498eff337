/* im2col.h - convolution as a matrix product of 3x3 neighbourhoods, [pixels][9c], with the weights, [9c][o]
 * (cl/im2col.cl). */
#ifndef VGGCL_OPS_CONV_IM2COL_H
#define VGGCL_OPS_CONV_IM2COL_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_im2col;

/* The kernel for images of c channels. */
struct kernel im2col_kernel(const struct dev *d, size_t c, enum stored stored);

/* column[pixel][tap][c] = x at pixel's neighbour `tap`, for s.n images of x from number first_image on; 0 outside of
 * the image. */
enum vggcl_err im2col(struct dev *d, struct kernel *kernel, struct conv_shape s, struct tensor x, size_t first_image,
                      struct tensor column);

/* rotated[tap][c][o] = weight[8 - tap][o][c]: the weights rotated by 180 degrees, for a data gradient. */
struct kernel rotate_weight_kernel(const struct dev *d, size_t c, size_t o);
enum vggcl_err rotate_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                             struct tensor rotated);

#endif
