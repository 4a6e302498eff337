/* gradient.h - the gradients of whole nets against central differences of their loss. */
#ifndef VGGCL_TESTS_GRADIENT_H
#define VGGCL_TESTS_GRADIENT_H

#include "common.h"

#include "net/net.h"

/* Makes the net of a table, with random parameters, images and labels, and fails the test unless the gradient of every
 * trained parameter agrees with the loss: for random directions v,
 *
 *     slope = (loss(w + h v) - loss(w - h v)) / 2h    against    sum of gradient * v,
 *
 * error = sqrt(sum over directions of (slope - sum)^2 / sum over directions of slope^2). A direction as long as w
 * itself and a step h of 1/64 to 1/2048 change the loss by 1e-2 to 1e-4, which float32 resolves to 1e-7: an error of
 * 1e-3 at worst. What is left out of the series is of the order of h^2 = 2e-4. GRADIENT_TOLERANCE allows for several
 * times that, and is proved by a gradient 5 % too large, which must fail.
 *
 * ReLU and max-pooling have kinks, at which no difference tells the slope. h is halved until all of them stand the
 * same way at w - h v, w and w + h v; a direction along which they do not, even at the smallest step, is replaced.
 *
 * Dropout throws the same coins in each of these passes. Of the batch that the net is made for one image is left out.
 */
#define GRADIENT_TOLERANCE 0.01
void check_gradients(const char *what, const struct layer_spec *specs, size_t count, struct shape input,
                     const char *conv);

#endif
