/* direct.h - direct convolution, for few input channels: the network's first layer (cl/direct.cl). */
#ifndef VGGCL_OPS_CONV_DIRECT_H
#define VGGCL_OPS_CONV_DIRECT_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_direct;

/* Maximum number of input channels. The kernels are compiled for their number. */
enum { DIRECT_CHANNELS = 4 };

#endif
