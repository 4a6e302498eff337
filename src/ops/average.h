/* average.h - exponential moving averages, of batch normalisation's statistics and of weights. */
#ifndef VGGCL_OPS_AVERAGE_H
#define VGGCL_OPS_AVERAGE_H

#include "cl/device.h"

/* average += share * (value - average), for all words; share is 0..1. A no-op if failed[0] (int) is not 0, as in struct
 * optimised. */
enum vggcl_err average_move(struct dev *d, struct tensor failed, double share, struct tensor average,
                            struct tensor value);

/* Swaps the contents of a and b, tensors of equal size. */
enum vggcl_err average_swap(struct dev *d, struct tensor a, struct tensor b);

#endif
