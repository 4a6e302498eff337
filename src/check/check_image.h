/* check_image.h - the reference for image_batch(). */
#ifndef VGGCL_CHECK_CHECK_IMAGE_H
#define VGGCL_CHECK_CHECK_IMAGE_H

#include "check/sum.h"
#include "ops/image.h"

/* Element i of x; pixels are the bytes of the image set, order is the order of the data set's images. */
struct sum reference_image(const struct image_set *set, const uint8_t *pixels, const int32_t *order, size_t first,
                           const struct normalisation *normalisation, const struct augmentation *augmentation,
                           size_t i);

#endif
