/* direct.h - the two kernels of cl/direct.cl; conv_direct (conv.h) makes convolutions of them. */
#ifndef VGGCL_OPS_DIRECT_H
#define VGGCL_OPS_DIRECT_H

#include "ops/conv.h"

/* The kernels are compiled for s.c, of up to so many channels. */
enum { DIRECT_CHANNELS = 4 };

/* As a conv_algorithm's forward, without rotation. */
enum vggcl_err direct_forward(struct dev *d, struct conv_shape s, struct tensor x, struct tensor weight,
                              struct tensor bias, struct tensor y, struct tensor partial);

/* partial[slab][tap][c][o] = the weight gradient of one of direct_slabs(d, s) slabs of rows. */
enum vggcl_err direct_gradient(struct dev *d, struct conv_shape s, struct tensor x, struct tensor dy,
                               struct tensor partial);
size_t direct_slabs(const struct dev *d, struct conv_shape s);

#endif
