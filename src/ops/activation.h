/* activation.h - what stands between two convolutions, in one pass: y = dropout(pool(relu(normalised x))), NHWC. */
#ifndef VGGCL_OPS_ACTIVATION_H
#define VGGCL_OPS_ACTIVATION_H

#include "ops/bn.h"

enum dropout { DROPOUT_NONE, DROPOUT_CHANNEL, DROPOUT_ELEMENT };

/* Which coins: unit first + u of purpose (RNG_DROPOUT + the layer's index) in training step `step` under seed drops
 * where word v % 4 of philox(counter {v / 4, step, step >> 32, purpose}, key seed), v = first + u, is below p * 2^32.
 * Nothing is stored: backward draws forward's coins again. */
struct coins {
    uint64_t seed, step;
    uint32_t purpose;
    float p;        /* probability of a drop, 0 <= p < 1 */
    uint32_t first; /* a multiple of the channels: the units of the images before these in their batch */
};

/* What y has of it, and its size: n images of h x w x c. */
struct activation {
    size_t n, h, w, c;
    bool pool;           /* x is n x 2h x 2w x c */
    const struct bn *bn; /* scale and shift hold the normalisation; NULL for none */
    enum dropout
        dropout; /* 0 or x / (1 - p), of channels: unit = image * c + channel; of elements of y, in its order */
    struct coins coins;
};

/* y from x, both stored alike; y may be x where there is no pooling. */
enum vggcl_err activation_forward(struct dev *d, const struct activation *a, struct tensor x, struct tensor y);

/* dx from dy and forward's x; with bn, whose scale and shift are those of bn_statistics(), dgamma and dbeta too. dx may
 * be dy where there is no pooling. workspace: activation_workspace() words, which are enough for
 * fewer images too. */
enum vggcl_err activation_backward(struct dev *d, const struct activation *a, struct tensor x, struct tensor dy,
                                   struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                                   struct tensor workspace);
size_t activation_workspace(const struct dev *d, const struct activation *a);

#endif
