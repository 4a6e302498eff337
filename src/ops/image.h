/* image.h - batches of training images out of the data set on the device. */
#ifndef VGGCL_OPS_IMAGE_H
#define VGGCL_OPS_IMAGE_H

#include "cl/device.h"

/* A data set on the device, as bytes: pixels [count][3][32][32] and labels [count]. */
struct image_set {
    size_t count;
    struct tensor pixels, labels;
};

enum mirror { MIRROR_NEVER, MIRROR_BY_COIN, MIRROR_ALWAYS };

/* What is done to images on their way to the net; all zeros for nothing. seed and epoch pick the random numbers, the
 * same for an image wherever in its epoch it comes. */
struct augmentation {
    enum mirror mirror; /* left to right; by a coin: with probability 1/2 */
    int shift;  /* pixels, below 32: moved by up to so many in each direction, what comes in reflected at the edge */
    int cutout; /* pixels: the side of a square that is 0, its middle anywhere in the image (DeVries, Taylor 2017) */
    uint64_t seed;
    uint32_t epoch;
};

/* x[i] (NHWC, n x 32 x 32 x 3) = (byte / 255 - 0.5) / 0.5 of image order[first + i], augmented; labels[i] (int) = its
 * class. */
enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           const struct augmentation *augmentation, struct tensor x, struct tensor labels);

#endif
