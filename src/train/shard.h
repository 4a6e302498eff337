/* shard.h - the option shards: each rank (ranks/ranks.h) holds a part of the training images, its shard, and trains on
 * its share of each batch from that part alone. In file order, a rank's shard is what it trains on without the option.
 * So every image is in one shard, each batch is as large as without the option, and every epoch sees each image once;
 * shards differ by at most one image for each batch of an epoch. Each rank shuffles its own shard. */
#ifndef VGGCL_TRAIN_SHARD_H
#define VGGCL_TRAIN_SHARD_H

#include "data/dataset.h"

struct shard {
    size_t images, batch; /* of the run */
    int rank, ranks;
};

/* The shard of a rank; without the option, or with one rank, that is the whole set. */
struct shard shard_of(const struct vggcl_config *config, size_t images, int rank);

/* The shard's images of a batch of n: their number, and the index of the first one in the batch. */
size_t shard_share(const struct shard *s, size_t n);
size_t shard_first(const struct shard *s, size_t n);

size_t shard_size(const struct shard *s);

/* The index in the data set of the shard's image i. */
size_t shard_image(const struct shard *s, size_t i);

/* Makes *part the images of a shard among those of set, which keeps the pixels and must outlive it. dataset_free(part)
 * on failure too. */
enum vggcl_err shard_take(const struct shard *s, const struct dataset *set, struct dataset *part);

/* VGGCL_EUSAGE if a rank has no image of a batch. */
enum vggcl_err shard_check(const struct vggcl_config *config, size_t images);

/* The seed of this rank's order and augmentation, which differ from rank to rank. */
uint64_t shard_seed(const struct vggcl_config *config);

#endif
