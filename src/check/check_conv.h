/* check_conv.h - references for the 3x3 convolution. */
#ifndef VGGCL_CHECK_CHECK_CONV_H
#define VGGCL_CHECK_CHECK_CONV_H

#include "check/sum.h"
#include "ops/conv/conv.h"

struct sum reference_conv(struct conv_shape s, const float *x, const float *weight, const float *bias, size_t i);
struct sum reference_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy, size_t i);
struct sum reference_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy, size_t i);

/* Element i of rotated[tap][c][o] = weight[8 - tap][o][c]. */
float reference_rotated(size_t c, size_t o, const float *weight, size_t i);

#endif
