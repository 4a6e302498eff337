/* check_winograd.h - references for Winograd's transforms. */
#ifndef VGGCL_CHECK_CHECK_WINOGRAD_H
#define VGGCL_CHECK_CHECK_WINOGRAD_H

#include "check/sum.h"
#include "ops/conv/conv.h"

/* Element i of the results of ops/conv/winograd.h, for images from number 0 on; bias may be NULL. */
struct sum reference_winograd_input(int alpha, struct conv_shape s, const float *x, size_t i);
struct sum reference_winograd_gradient(int alpha, struct conv_shape s, const float *dy, size_t i);
struct sum reference_winograd_output(int alpha, struct conv_shape s, const float *m, const float *bias, size_t i);
struct sum reference_winograd_weight(int alpha, size_t c, size_t o, const float *weight, size_t i);
struct sum reference_winograd_weight_gradient(int alpha, size_t c, size_t o, const float *du, size_t i);

#endif
