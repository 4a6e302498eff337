/* average.h - exponential moving averages: of batch normalisation's statistics, of the weights. */
#ifndef VGGCL_OPS_AVERAGE_H
#define VGGCL_OPS_AVERAGE_H

#include "cl/device.h"

/* average += share * (value - average), on all words. Where failed[0] (int) is not 0, nothing moves, as in
 * sgd_step(). */
enum vggcl_err average_move(struct dev *d, struct tensor failed, double share, struct tensor average,
                            struct tensor value);

/* Exchanges the words of a and b, which are equally many. */
enum vggcl_err average_swap(struct dev *d, struct tensor a, struct tensor b);

#endif
