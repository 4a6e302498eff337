/* flatten.h - converts NHWC images to rows of features in PyTorch's order (channel, row, column). */
#ifndef VGGCL_OPS_FLATTEN_H
#define VGGCL_OPS_FLATTEN_H

#include "cl/device.h"

/* y[image][channel][pixel] = x[image][pixel][channel], for n images of `plane` pixels and c channels. x and dx may be
 * stored as 16-bit floats; y and dy are 32-bit floats. */
enum vggcl_err flatten_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y);

/* dx[image][pixel][channel] = dy[image][channel][pixel]. */
enum vggcl_err flatten_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx);

#endif
