/* check_image.h - the reference for image_batch(). */
#ifndef VGGCL_CHECK_CHECK_IMAGE_H
#define VGGCL_CHECK_CHECK_IMAGE_H

#include "check/sum.h"
#include "ops/image.h"

/* The inputs of image_batch() on the host: the bytes of the image set, the mean grey of each of its images, and the
 * order of the data set's images. */
struct image_source {
    const struct image_set *set;
    const uint8_t *pixels;
    const double *grey; /* of reference_image_greys() */
    const int32_t *order;
    const struct normalisation *normalisation;
};

/* The index in the image set of the image at a position of the order. */
size_t reference_image_index(const struct image_source *source, size_t position);

/* Sets grey[i] to the mean grey, in 0..255, of image i of the set. Made once, not for each element of x. */
void reference_image_greys(const struct image_set *set, const uint8_t *pixels, double *grey);

/* Element i of x. */
struct sum reference_image(const struct image_source *source, size_t first, const struct augmentation *augmentation,
                           size_t i);

/* Allowed error, in FLT_EPSILON times the magnitude. */
double reference_image_roundings(const struct image_set *set, const struct augmentation *augmentation);

#endif
