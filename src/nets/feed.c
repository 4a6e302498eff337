#include "nets/feed.h"
#include "base/rng.h"

#include <stdlib.h>
#include <string.h>

static size_t words(size_t bytes) {
    return (bytes + 3) / 4;
}

enum vggcl_err feed_reserve(struct feed *f, struct dev *d, const struct data_spec *spec, size_t count, size_t most,
                            struct arena *arena) {
    f->dev = d;
    f->staged = most > 0;
    f->set =
        (struct image_set){.count = count, .height = spec->height, .width = spec->width, .channels = spec->channels};
    f->host_order = malloc(count * sizeof *f->host_order);
    if (!f->host_order)
        return err_no_memory("the order of the images", count * sizeof *f->host_order);
    if (f->staged)
        return stage_reserve(&f->stage, d, spec, most, arena);
    TRY(arena_reserve(arena, "the images of the data set", words(count * data_image_bytes(spec)), &f->set.pixels));
    TRY(arena_reserve(arena, "the labels of the data set", words(count * sizeof(uint16_t)), &f->set.labels));
    return arena_reserve(arena, "the order of the images", count, &f->order);
}

/* Tensors and copies are whole 32-bit words; the last few bytes are copied as a padded word. */
static enum vggcl_err write_bytes(struct dev *d, struct tensor t, const void *host, size_t count) {
    const uint8_t *bytes = host;
    uint8_t last[4] = {0};
    TRY(dev_write(d, t, 0, count / 4, bytes));
    if (count % 4 == 0)
        return VGGCL_OK;
    memcpy(last, bytes + count / 4 * 4, count % 4);
    return dev_write(d, t, count / 4, 1, last);
}

/* Images with records are copied by way of a buffer, which holds whole words: a multiple of 4 images. */
static enum vggcl_err write_records(struct dev *d, struct tensor t, const struct dataset *set, size_t image) {
    enum { CHUNK = 64 };
    enum vggcl_err err = VGGCL_OK;
    uint8_t *bytes = calloc(CHUNK, image);
    if (!bytes)
        return err_no_memory("a part of the images", CHUNK * image);
    for (size_t first = 0; first < set->count; first += CHUNK) {
        size_t n = set->count - first < CHUNK ? set->count - first : CHUNK;
        dataset_want(set, image, NULL, first, n);
        for (size_t i = 0; i < n; i++)
            memcpy(bytes + i * image, dataset_pixels(set, image, first + i), image);
        TRY_GOTO(dev_write(d, t, first * image / 4, words(n * image), bytes), done);
    }
done:
    free(bytes);
    return err;
}

static enum vggcl_err write_pixels(struct feed *f, const struct dataset *set) {
    size_t image = f->set.height * f->set.width * f->set.channels;
    return set->records ? write_records(f->dev, f->set.pixels, set, image)
                        : write_bytes(f->dev, f->set.pixels, set->pixels, set->count * image);
}

/* The order has changed. */
static enum vggcl_err take_order(struct feed *f) {
    if (!f->staged)
        return dev_write(f->dev, f->order, 0, f->set.count, f->host_order);
    stage_forget(&f->stage);
    return VGGCL_OK;
}

enum vggcl_err feed_upload(struct feed *f, const struct dataset *set) {
    if (f->staged) {
        TRY(stage_open(&f->stage, set));
    } else {
        TRY(write_pixels(f, set));
        TRY(write_bytes(f->dev, f->set.labels, set->labels, set->count * sizeof *set->labels));
    }
    for (size_t i = 0; i < set->count; i++)
        f->host_order[i] = (uint32_t)i;
    return take_order(f);
}

enum vggcl_err feed_shuffle(struct feed *f, uint64_t seed, uint32_t epoch) {
    struct rng r = rng_sequence(seed, RNG_SHUFFLE, epoch);
    for (size_t i = 0; i < f->set.count; i++)
        f->host_order[i] = (uint32_t)i;
    rng_shuffle(&r, f->host_order, f->set.count);
    return take_order(f);
}

int64_t feed_steps(const struct feed *f, size_t batch) {
    return (int64_t)((f->set.count + batch - 1) / batch);
}

size_t feed_size(const struct feed *f, size_t batch, int64_t step) {
    size_t left = f->set.count - (size_t)step * batch;
    return left < batch ? left : batch;
}

enum vggcl_err feed_prepare(struct feed *f, size_t first, size_t n) {
    struct slot *slot;
    return f->staged ? stage_batch(&f->stage, f->host_order, first, n, STAGE_NO_PARTNERS, &slot) : VGGCL_OK;
}

static enum vggcl_err make_batch(struct feed *f, const struct image_set *set, struct tensor order, size_t first,
                                 size_t n, const struct augmentation *augmentation, struct net *net) {
    const struct image_tensors to = {
        .x = net->input, .label = net->label, .partner_label = net->partner_label, .grey = net->grey};
    return image_batch(f->dev, set, order, first, n, &net->normalisation, augmentation, &to);
}

/* The partners are after the images in the slot, in the order of their positions: image i's is at 2 * n - 1 - i. */
static enum vggcl_err staged_images(struct feed *f, struct net *net, size_t first, size_t n,
                                    const struct augmentation *augmentation) {
    struct image_set batch = f->set;
    struct augmentation how = *augmentation;
    struct slot *slot;
    size_t partners = mix_is_none(&how.mix) ? STAGE_NO_PARTNERS : how.mix.ends - (first + n - 1);
    how.mix.ends = 2 * n - 1;
    TRY(stage_batch(&f->stage, f->host_order, first, n, partners, &slot));
    batch.staged = true;
    batch.pixels = slot->pixels;
    batch.labels = slot->labels;
    TRY(upload_await(f->dev, &slot->written));
    TRY(make_batch(f, &batch, slot->numbers, 0, n, &how, net));
    return upload_mark(f->dev, &slot->used);
}

enum vggcl_err feed_images(struct feed *f, struct net *net, size_t first, size_t n,
                           const struct augmentation *augmentation) {
    if (f->staged)
        return staged_images(f, net, first, n, augmentation);
    return make_batch(f, &f->set, f->order, first, n, augmentation, net);
}

void feed_free(struct feed *f) {
    stage_free(&f->stage);
    free(f->host_order);
    f->host_order = NULL;
}
