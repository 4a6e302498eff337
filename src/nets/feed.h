/* feed.h - a data set, and the order in which the net gets its images. The data set is on the device, or is staged: it
 * stays on the host, and the device gets batch after batch (see stage.h). Both give the net the same bits. */
#ifndef VGGCL_NETS_FEED_H
#define VGGCL_NETS_FEED_H

#include "cl/arena.h"
#include "data/dataset.h"
#include "nets/net.h"
#include "nets/stage.h"
#include "ops/image.h"

struct feed {
    struct dev *dev;
    bool staged;
    struct image_set set; /* pixels and labels: unless it is staged */
    struct tensor order;  /* [count] ints: the image at each position; unless it is staged */
    struct stage stage;   /* if it is staged */
    uint32_t *host_order; /* [count] */
};

/* Reserves device memory in arena, which must be committed before feed_upload(): for count images of spec, or, if most
 * is not 0, for staging up to `most` of them at once: those of a batch, and their partners if they are mixed. */
enum vggcl_err feed_reserve(struct feed *f, struct dev *d, const struct data_spec *spec, size_t count, size_t most,
                            struct arena *arena);

/* Sets the images, as many as were reserved; their order is that of set. Unless the feed is staged, they are copied to
 * the device; if it is, set must outlive the feed. */
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

/* Enqueues: writes the n images from position `first` of the order on to net->input, net->label and, if images are
 * mixed, net->partner_label. */
enum vggcl_err feed_images(struct feed *f, struct net *net, size_t first, size_t n,
                           const struct augmentation *augmentation);

/* If the feed is staged, gathers and uploads those images in advance, for the next call of feed_images(), which does
 * not mix them. */
enum vggcl_err feed_prepare(struct feed *f, size_t first, size_t n);

/* The device must still be open. */
void feed_free(struct feed *f);

#endif
