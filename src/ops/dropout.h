/* dropout.h - dropout by a counter-based generator: no mask is stored, backward draws forward's coins again. */
#ifndef VGGCL_OPS_DROPOUT_H
#define VGGCL_OPS_DROPOUT_H

#include "cl/device.h"

/* Which coins: unit u of purpose (RNG_DROPOUT + the layer's index) in training step `step` under seed drops where word
 * u % 4 of philox(counter {u / 4, step, step >> 32, purpose}, key seed) is below p * 2^32. */
struct coins {
    uint64_t seed, step;
    uint32_t purpose;
    float p; /* probability of a drop, 0 <= p < 1 */
};

/* y = 0 or x / (1 - p) for each channel of each of n images of plane = h * w pixels: unit = image * c + channel. Also
 * the gradient, from dy to dx. y may be x. */
enum vggcl_err dropout_channel(struct dev *d, size_t n, size_t plane, size_t c, struct coins coins, struct tensor x,
                               struct tensor y);

/* The same for each of count elements: unit = element, in NHWC order. */
enum vggcl_err dropout_element(struct dev *d, size_t count, struct coins coins, struct tensor x, struct tensor y);

#endif
