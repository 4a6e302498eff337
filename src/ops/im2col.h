/* im2col.h - the two kernels of cl/im2col.cl; conv_im2col (conv.h) makes convolutions of them. */
#ifndef VGGCL_OPS_IM2COL_H
#define VGGCL_OPS_IM2COL_H

#include "ops/conv.h"

/* column[pixel][tap][c] for s.n images of x from number first_image on; 0 beyond the border. */
enum vggcl_err im2col(struct dev *d, struct conv_shape s, struct tensor x, size_t first_image, struct tensor column);

/* rotated[tap][c][o] = weight[8 - tap][o][c]. */
enum vggcl_err rotate_weight(struct dev *d, size_t c, size_t o, struct tensor weight, struct tensor rotated);

#endif
