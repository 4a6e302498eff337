/* feed.h - a data set on the device, and the order in which its images are fed to the net. */
#ifndef VGGCL_TRAIN_FEED_H
#define VGGCL_TRAIN_FEED_H

#include "cl/arena.h"
#include "data/data.h"
#include "net/net.h"
#include "ops/image.h"

struct feed {
    struct dev *dev;
    struct image_set set;
    struct tensor order; /* [count] ints: the image at each position */
    uint32_t *host_order;
};

/* Reserves room for set in arena, which must be committed before feed_upload. */
enum vggcl_err feed_reserve(struct feed *f, struct dev *d, const struct dataset *set, struct arena *arena);

/* Copies the images to the device, in file order. */
enum vggcl_err feed_upload(struct feed *f, const struct dataset *set);

/* Puts the images into the order of epoch (from 0): a shuffle that is a function of seed and epoch. */
enum vggcl_err feed_shuffle(struct feed *f, uint64_t seed, uint32_t epoch);

/* How many batches of up to batch images there are. */
int64_t feed_steps(const struct feed *f, size_t batch);

/* How many images batch number step has. */
size_t feed_size(const struct feed *f, size_t batch, int64_t step);

/* A batch of n images goes in so many parts of at most `most` images, as equal as can be; part i begins with image
 * feed_part(n, most, i). */
static inline size_t feed_parts(size_t n, size_t most) {
    return (n + most - 1) / most;
}
static inline size_t feed_part(size_t n, size_t most, size_t i) {
    return n * i / feed_parts(n, most);
}

/* Puts n images, from position first of the order on, into net->input and net->label. */
enum vggcl_err feed_images(const struct feed *f, struct net *net, size_t first, size_t n,
                           const struct augmentation *augmentation);

void feed_free(struct feed *f);

#endif
