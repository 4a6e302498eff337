/* activation.h - batch normalisation, ReLU, 2x2 max-pooling and dropout fused into one pass over NHWC images:
 *     y = dropout(pool(relu(x * scale + shift)))
 * All except the ReLU are optional. */
#ifndef VGGCL_OPS_ACTIVATION_H
#define VGGCL_OPS_ACTIVATION_H

#include "ops/bn.h"

enum dropout { DROPOUT_NONE, DROPOUT_CHANNEL, DROPOUT_ELEMENT };

/* A dropout mask, as a function of these numbers. Unit u (a channel of an image, or an element) is dropped if word v %
 * 4 of philox(counter {v / 4, step, step >> 32, purpose}, key seed) is below p * 2^32, where v = first + u. The mask is
 * not stored: backward computes it again. */
struct dropout_mask {
    uint64_t seed, step; /* of the run; number of the training step */
    uint32_t purpose;    /* RNG_DROPOUT + the layer's index */
    float p;             /* probability that a unit is dropped, 0 <= p < 1 */
    uint32_t first; /* number of units in the batch's images before these (a split batch); a multiple of the channels */
};

/* A unit's dropout factor, computed on the host: 0 or 1 / (1 - p). */
double dropout_factor(struct dropout_mask mask, size_t unit);

/* Which of the operations are done, and the size of x: n images of h x w pixels, c channels. */
struct activation {
    size_t n, h, w, c;
    bool pool; /* 2x2 max-pooling, stride 2, of at least 2 x 2 pixels: y has h / 2 x w / 2, and an odd height's last row
                  and an odd width's last column are in no window */
    const struct bn *bn;  /* batch normalisation by its scale and shift, not owned; NULL for none */
    enum dropout dropout; /* unit: image * c + channel for DROPOUT_CHANNEL, the element's index in y for _ELEMENT */
    struct dropout_mask mask;
};

/* The height and width of y. */
static inline size_t activation_height(const struct activation *a) {
    return a->pool ? a->h / 2 : a->h;
}
static inline size_t activation_width(const struct activation *a) {
    return a->pool ? a->w / 2 : a->w;
}

/* Computes y from x. Both are stored in the same format. Without pooling y may be x. */
enum vggcl_err activation_forward(struct dev *d, const struct activation *a, struct tensor x, struct tensor y);

/* Computes dx from dy and forward's x; with bn also dgamma[c] and dbeta[c]. bn must hold the batch's statistics, as
 * bn_finish() leaves them. Without pooling dx may be dy. workspace: activation_workspace() words, which are also enough
 * for fewer images. */
enum vggcl_err activation_backward(struct dev *d, const struct activation *a, struct tensor x, struct tensor dy,
                                   struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                                   struct tensor workspace);
size_t activation_workspace(const struct dev *d, const struct activation *a);

#endif
