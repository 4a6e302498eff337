/* gradient.h - gradient checks: gradients of whole nets compared with central differences of their loss. */
#ifndef VGGCL_TESTS_GRADIENT_H
#define VGGCL_TESTS_GRADIENT_H

#include "common.h"

#include "nets/net.h"

/* Makes the net of a table of layers, with random parameters, images and labels, and fails the test unless the gradient
 * of every trained parameter agrees with the loss: for random directions v,
 *
 *     slope = (loss(w + h v) - loss(w - h v)) / 2h    against    sum of gradient * v,
 *
 * error = sqrt(sum over directions of (slope - sum)^2 / sum over directions of slope^2). With a direction of the norm
 * of w and a step h of 1/64 to 1/2048 the loss changes by 1e-2 to 1e-4; float32 resolves the loss to 1e-7, so the
 * rounding error is at most 1e-3. The truncation error of the central difference is of the order of h^2 = 2e-4.
 * GRADIENT_TOLERANCE is several times the sum of both, and is tested with a gradient that is 5 % too large, which must
 * fail.
 *
 * ReLU and max-pooling have kinks, at which a central difference is not the slope. h is halved until every ReLU and
 * every maximum selects the same input at w - h v, w and w + h v; a direction for which even the smallest step is too
 * large is replaced.
 *
 * Dropout uses the same mask in all of these passes. The batch has one image less than the net's maximum.
 */
#define GRADIENT_TOLERANCE 0.01
void check_gradients(const char *what, const struct layer_spec *specs, size_t count, struct shape input,
                     const char *conv);

/* The same of a net with this use, which includes NET_TRAINS. */
void check_gradients_of(const char *what, const struct layer_spec *specs, size_t count, struct shape input,
                        const char *conv, enum net_use use);

#endif
