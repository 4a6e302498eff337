/* image.h - batches of training images out of the data set on the device. */
#ifndef VGGCL_OPS_IMAGE_H
#define VGGCL_OPS_IMAGE_H

#include "cl/device.h"

/* A data set on the device, as bytes: pixels [count][3][32][32] and labels [count]. */
struct image_set {
    size_t count;
    struct tensor pixels, labels;
};

/* x[i] (NHWC, n x 32 x 32 x 3) = (byte / 255 - 0.5) / 0.5 of image order[first + i], mirrored left to right with
 * probability 1/2 where flip is set: by a coin drawn from (seed, epoch, image). labels[i] (int) = its class. */
enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           bool flip, uint64_t seed, uint32_t epoch, struct tensor x, struct tensor labels);

#endif
