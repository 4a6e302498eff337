/* avgpool.h - global average pooling (Lin, Chen and Yan, "Network in network", 2013). */
#ifndef VGGCL_OPS_AVGPOOL_H
#define VGGCL_OPS_AVGPOOL_H

#include "cl/device.h"

/* y[image][channel] = mean over pixels of x[image][pixel][channel], for n images of `plane` pixels (at most
 * DEV_CPU_ROUNDS) and c channels. x and dx may be stored as 16-bit floats; y and dy are 32-bit floats. */
enum vggcl_err avgpool_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y);

/* dx[image][pixel][channel] = dy[image][channel] / plane. */
enum vggcl_err avgpool_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx);

#endif
