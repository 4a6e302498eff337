/* exact.h - layers on the host in double precision, the reference with which check/twin.h runs whole trainings. Each
 * layer type has such a forward and backward function besides its kernels. */
#ifndef VGGCL_LAYERS_EXACT_H
#define VGGCL_LAYERS_EXACT_H

#include "layers/layer.h"

/* A layer's arrays, in the device's layout. No layer works in place here. */
struct exact {
    const struct layer *layer;
    double *x, *y, *dx, *dy; /* x and dx are the previous layer's y and dy */
    double *mean, *inverse;  /* batch normalisation: mean and 1 / standard deviation of each channel, saved by forward
                                for backward */
    double *value[LAYER_PARAMETERS], *gradient[LAYER_PARAMETERS];
};

/* A convolution, or a linear layer as a convolution with one tap, and its gradients, which are added:
 *     y[pixel] = bias + sum over taps of x[neighbour(l, pixel, tap)] * weight[tap]
 * neighbour() returns the index, over all images, of the pixel that a tap reads, or -1 if it is outside of the image.
 */
typedef long exact_neighbour(const struct layer *l, size_t pixel, size_t tap);
void exact_multiply_forward(const struct exact *e, size_t n, size_t taps, exact_neighbour *neighbour);
void exact_multiply_backward(const struct exact *e, size_t n, size_t taps, exact_neighbour *neighbour);

#endif
