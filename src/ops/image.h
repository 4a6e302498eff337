/* image.h - makes a batch from bytes in device memory, with data augmentation. */
#ifndef VGGCL_OPS_IMAGE_H
#define VGGCL_OPS_IMAGE_H

#include "cl/device.h"
#include "data/normalise.h"

/* Images in device memory: pixels, bytes [count][channels][height][width]; labels, 16-bit integers [count]. */
struct image_set {
    size_t count, height, width, channels;
    struct tensor pixels, labels;
    bool staged; /* they are the images of one batch, each at its position in the order; else the whole data set */
};

enum mirror { MIRROR_NEVER, MIRROR_RANDOM, MIRROR_ALWAYS };

/* How each image of a batch is mixed with another one of the batch, its partner: in rows top .. bottom - 1 of columns
 * left .. right - 1, x = inside * x + (1 - inside) * the partner's x. Both are augmented before, each by its own random
 * numbers. */
struct mix {
    int top, left, bottom, right; /* bottom is top or right is left for none */
    double inside;                /* mixup: the share; CutMix: 0 */
    double share;                 /* of an image's own class in its label, the rest being its partner's; 1 for none */
    size_t ends;                  /* the image at position p of the order has the one at position ends - p */
};
#define MIX_NONE ((struct mix){.share = 1})

static inline bool mix_is_none(const struct mix *m) {
    return m->bottom <= m->top || m->right <= m->left;
}

/* Data augmentation; all zeros for none. The random numbers are a function of seed, epoch and the image's index in the
 * data set, not of its position in the epoch. */
struct augmentation {
    enum mirror mirror; /* horizontal flip; MIRROR_RANDOM: with probability 1/2 */
    int shift;          /* pixels, less than height and width: random translation by up to this in each direction, with
                           reflection padding */
    int cutout; /* pixels: side of a square set to 0, which is the mean, centred at a random pixel (DeVries and Taylor
                   2017) */
    uint64_t seed;
    uint32_t epoch;
    /* In 0..1: brightness, contrast and, with three channels, saturation change by three random factors b, c, s in 1 -
     * color_jitter .. 1 + color_jitter, by the formulas of torchvision's ColorJitter, in one of its orders: for each
     * value v in 0..255,
     *     v = clamp(c * v + (1 - c) * m), with m the mean grey of the whole image, as it is in the data set;
     *     v = clamp(b * v);
     *     v = clamp(s * v + (1 - s) * g), with g the pixel's grey;
     * grey = 0.2989 red + 0.587 green + 0.114 blue, or the mean of other than three channels; clamp: to 0..255. */
    double color_jitter;
    /* In 0..1, 0 for none: a random box is stretched over the whole image, before mirror and shift. Its area is uniform
     * in resized_crop .. 1 of the image's, and its width divided by its height log-uniform in 3/4 .. 4/3; a side longer
     * than the image's becomes the image's. Sides and position are not rounded to pixels; the position is uniform. With
     * top and height in pixels, row r of the image's `rows` rows samples the box at
     *     top + (r + 1/2) * height / rows - 1/2, limited to 0 .. rows - 1,
     * where pixel i's middle is at i, by bilinear interpolation; so do columns. That is interpolate() of PyTorch with
     * mode "bilinear" and align_corners=False, except that the box's edge pixels use their neighbours outside it. */
    double resized_crop;
    struct mix mix; /* its share is for the loss, image_batch() does not use it */
};

/* What image_batch() writes. */
struct image_tensors {
    struct tensor x;             /* NHWC, n x height x width x channels */
    struct tensor label;         /* [n] int */
    struct tensor partner_label; /* [n] int, of the partners; unchanged without mix */
    struct tensor grey;          /* [2 * n][height] float, scratch memory; unused without color_jitter */
};

/* For i < n: x[i] = the pixels of image order[first + i], augmented, normalised and mixed; label[i] = the image's
 * class. order: int, indices into the data set. If the set is staged, the pixels and label of image order[p] are those
 * at p. */
enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           const struct normalisation *normalisation, const struct augmentation *augmentation,
                           const struct image_tensors *to);

#endif
