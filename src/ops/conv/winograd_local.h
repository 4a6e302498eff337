/* winograd_local.h - Winograd's algorithm with transformed data in local memory, which on a CPU is in its cache. The
 * fused variant keeps the images' tiles there, for layers whose transformed weights fit into the caches too. The sliced
 * variant keeps the weights there, one slice at a time, for small images with many channels, which need less memory
 * than the weights. Shapes that do not fit are routed to the algorithms of winograd.h. */
#ifndef VGGCL_OPS_CONV_WINOGRAD_LOCAL_H
#define VGGCL_OPS_CONV_WINOGRAD_LOCAL_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_winograd4_fused, conv_winograd4_sliced, conv_winograd2_lone_sliced;

#endif
