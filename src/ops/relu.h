/* relu.h - the rectifier on count words. */
#ifndef VGGCL_OPS_RELU_H
#define VGGCL_OPS_RELU_H

#include "cl/device.h"

/* y = max(x, 0), a NaN staying one; y may be x. */
enum vggcl_err relu_forward(struct dev *d, size_t count, struct tensor x, struct tensor y);

/* dx = dy where y > 0, else 0; dx may be dy. y is relu_forward's output, or that after a dropout. */
enum vggcl_err relu_backward(struct dev *d, size_t count, struct tensor y, struct tensor dy, struct tensor dx);

#endif
