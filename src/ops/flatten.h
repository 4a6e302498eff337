/* flatten.h - from NHWC images to rows in PyTorch's order of a flattened image: channel, row, column. */
#ifndef VGGCL_OPS_FLATTEN_H
#define VGGCL_OPS_FLATTEN_H

#include "cl/device.h"

/* y[image][channel][pixel] = x[image][pixel][channel] of n images of plane pixels and c channels. y is floats, however
 * x is stored; so is dy. */
enum vggcl_err flatten_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y);

/* dx[image][pixel][channel] = dy[image][channel][pixel]. */
enum vggcl_err flatten_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx);

#endif
