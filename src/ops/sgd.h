/* sgd.h - stochastic gradient descent as in PyTorch's SGD: weight decay, momentum (Nesterov's or not), no dampening. */
#ifndef VGGCL_OPS_SGD_H
#define VGGCL_OPS_SGD_H

#include "cl/device.h"

struct sgd {
    double lr, momentum, weight_decay;
    bool nesterov;
    bool spare_vectors; /* no weight decay of biases and of batch normalisation */
};

/* On all words, with g = gradient / scale + weight_decay * weight: velocity = momentum * velocity + g;
 * weight -= lr * velocity, or with nesterov weight -= lr * (g + momentum * velocity). scale is a power of two. The
 * words behind the first `matrices`, a multiple of the vector width, are vectors, which sgd may spare the decay. Where
 * failed[0] (int) is not 0, nothing moves: the weights stay those before the loss that was not finite. */
enum vggcl_err sgd_step(struct dev *d, struct sgd sgd, double scale, size_t matrices, struct tensor failed,
                        struct tensor weight, struct tensor gradient, struct tensor velocity);

#endif
