/* pool.h - 2x2 max-pooling, stride 2, of n NHWC images h x w x c; an odd last row or column is left out. */
#ifndef VGGCL_OPS_POOL_H
#define VGGCL_OPS_POOL_H

#include "cl/device.h"

struct image_shape {
    size_t n, h, w, c;
};

/* y is n x h/2 x w/2 x c. */
enum vggcl_err pool_forward(struct dev *d, struct image_shape shape, struct tensor x, struct tensor y);

/* dx = dy at the first largest of each window of x in reading order, else 0. shape is x's. */
enum vggcl_err pool_backward(struct dev *d, struct image_shape shape, struct tensor x, struct tensor dy,
                             struct tensor dx);

#endif
