/* sgd.h - stochastic gradient descent as in PyTorch's SGD: weight decay and momentum, no dampening, no Nesterov. */
#ifndef VGGCL_OPS_SGD_H
#define VGGCL_OPS_SGD_H

#include "cl/device.h"

struct sgd {
    double lr, momentum, weight_decay;
};

/* velocity = momentum * velocity + (gradient / scale + weight_decay * weight); weight -= lr * velocity; on all words;
 * scale is a power of two. Where failed[0] (int) is not 0, nothing moves: the weights stay those before the loss that
 * was not finite. */
enum vggcl_err sgd_step(struct dev *d, struct sgd sgd, double scale, struct tensor failed, struct tensor weight,
                        struct tensor gradient, struct tensor velocity);

#endif
