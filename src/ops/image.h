/* image.h - makes a batch from bytes in device memory, with data augmentation. */
#ifndef VGGCL_OPS_IMAGE_H
#define VGGCL_OPS_IMAGE_H

#include "cl/device.h"
#include "data/normalise.h"

/* Images in device memory: pixels, bytes [count][channels][height][width]; labels, 16-bit integers [count]. */
struct image_set {
    size_t count, height, width, channels;
    struct tensor pixels, labels;
    bool staged; /* they are the images of one batch, in its order; else the whole data set */
};

enum mirror { MIRROR_NEVER, MIRROR_RANDOM, MIRROR_ALWAYS };

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
};

/* For i < n: x[i] = the pixels of image order[first + i], normalised and augmented; x is NHWC, n x height x width x
 * channels. labels[i] (int) = the image's class. order: int, indices into the data set. If the set is staged, the
 * pixels and label of image order[first + i] are those at i. */
enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           const struct normalisation *normalisation, const struct augmentation *augmentation,
                           struct tensor x, struct tensor labels);

#endif
