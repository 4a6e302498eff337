#include "train/shard.h"
#include "ranks/ranks.h"

#include <string.h>

struct shard shard_of(const struct vggcl_config *config, size_t images, int rank) {
    bool whole = !config->shards || ranks_count() == 1;
    return (struct shard){images, (size_t)config->batch, whole ? 0 : rank, whole ? 1 : ranks_count()};
}

size_t shard_first(const struct shard *s, size_t n) {
    return n * (size_t)s->rank / (size_t)s->ranks;
}

size_t shard_share(const struct shard *s, size_t n) {
    return n * ((size_t)s->rank + 1) / (size_t)s->ranks - shard_first(s, n);
}

size_t shard_size(const struct shard *s) {
    return s->images / s->batch * shard_share(s, s->batch) + shard_share(s, s->images % s->batch);
}

size_t shard_image(const struct shard *s, size_t i) {
    size_t share = shard_share(s, s->batch), batches = s->images / s->batch;
    size_t batch = share && i / share < batches ? i / share : batches;
    size_t n = batch < batches ? s->batch : s->images % s->batch;
    return batch * s->batch + shard_first(s, n) + i - batch * share;
}

enum vggcl_err shard_take(const struct shard *s, const struct dataset *set, struct dataset *part) {
    TRY(dataset_refer(part, set->pixels, shard_size(s)));
    for (size_t i = 0; i < part->count; i++) {
        size_t image = shard_image(s, i);
        part->records[i] = set->records ? set->records[image] : (uint32_t)image;
        part->labels[i] = set->labels[image];
    }
    return VGGCL_OK;
}

enum vggcl_err shard_check(const struct vggcl_config *config, size_t images) {
    const struct shard s = shard_of(config, images, 0);
    size_t batch = images < s.batch ? images : s.batch;
    if (batch >= (size_t)s.ranks)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "shards: %d processes cannot share batches of %zu images; %s, or start fewer processes", s.ranks,
                   batch, batch < s.batch ? "use more training images" : "use a larger batch");
}

uint64_t shard_seed(const struct vggcl_config *config) {
    return config->seed ^ (uint64_t)shard_of(config, 0, ranks_rank()).rank << 32;
}
