/* feed.h - a data set on the device, and the order in which the net gets its images. */
#ifndef VGGCL_NETS_FEED_H
#define VGGCL_NETS_FEED_H

#include "cl/arena.h"
#include "data/dataset.h"
#include "nets/net.h"
#include "ops/image.h"

struct feed {
    struct dev *dev;
    struct image_set set;
    struct tensor order; /* [count] ints: the image at each position */
    uint32_t *host_order;
};

/* Reserves device memory for count images of spec in arena, which must be committed before feed_upload(). */
enum vggcl_err feed_reserve(struct feed *f, struct dev *d, const struct data_spec *spec, size_t count,
                            struct arena *arena);

/* Copies the images of set, as many as were reserved, to the device; their order is that of set. */
enum vggcl_err feed_upload(struct feed *f, const struct dataset *set);

/* Shuffles the images for an epoch (from 0); the order is a function of seed and epoch. */
enum vggcl_err feed_shuffle(struct feed *f, uint64_t seed, uint32_t epoch);

/* Number of batches of up to batch images. */
int64_t feed_steps(const struct feed *f, size_t batch);

/* Number of images in batch number `step`, from 0. */
size_t feed_size(const struct feed *f, size_t batch, int64_t step);

/* Number of parts of at most `most` images into which a batch of n images is split, as equally as possible; part i
 * begins with image feed_part(n, most, i). */
static inline size_t feed_parts(size_t n, size_t most) {
    return (n + most - 1) / most;
}
static inline size_t feed_part(size_t n, size_t most, size_t i) {
    return n * i / feed_parts(n, most);
}

/* Writes the n images from position `first` of the order on to net->input and net->label. */
enum vggcl_err feed_images(const struct feed *f, struct net *net, size_t first, size_t n,
                           const struct augmentation *augmentation);

void feed_free(struct feed *f);

#endif
