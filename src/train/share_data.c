#include "train/share_data.h"
#include "base/phase.h"
#include "ranks/ranks.h"
#include "train/shard.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE_BYTES = 1 << 26 };

/* What the other ranks need to know first. */
struct outline {
    size_t height, width, channels, classes, train;
    size_t name_bytes; /* of the classes' names, with a NUL after each */
    char description[VGGCL_PATH_MAX];
};

static struct outline outline_of(const struct data *data) {
    const struct data_spec *spec = &data->spec;
    struct outline o = {.height = spec->height,
                        .width = spec->width,
                        .channels = spec->channels,
                        .classes = spec->classes,
                        .train = data->train.count};
    for (size_t i = 0; i < spec->classes; i++)
        o.name_bytes += strlen(spec->class_names[i]) + 1;
    memcpy(o.description, data->description, sizeof o.description);
    return o;
}

static enum vggcl_err share_outline(struct data *data, struct outline *o) {
    if (ranks_rank() == 0)
        *o = outline_of(data);
    TRY(ranks_share(o, sizeof *o));
    if (ranks_rank() == 0)
        return VGGCL_OK;
    data->spec =
        (struct data_spec){.height = o->height, .width = o->width, .channels = o->channels, .classes = o->classes};
    memcpy(data->description, o->description, sizeof data->description);
    return VGGCL_OK;
}

/* The names as in names_copy(): the texts follow the list. */
static enum vggcl_err share_names(struct data_spec *spec, size_t bytes) {
    bool first = ranks_rank() == 0;
    char **names = first ? names_copy(spec->classes, spec->class_names) : malloc(spec->classes * sizeof *names + bytes);
    if (!names)
        return first ? VGGCL_ENOMEM : err_no_memory("names", spec->classes * sizeof *names + bytes);
    char *text = (char *)(names + spec->classes);
    enum vggcl_err err = ranks_share(text, bytes);
    if (err != VGGCL_OK || first) {
        free(names);
        return err;
    }
    for (size_t i = 0; i < spec->classes; i++, text += strlen(text) + 1)
        names[i] = text;
    spec->class_names = names;
    return VGGCL_OK;
}

/* On rank 0, images on their way to others. */
struct parcel {
    size_t most; /* images */
    uint32_t *numbers;
    uint8_t *pixels;
    uint16_t *labels;
};

static enum vggcl_err parcel_make(struct parcel *p, size_t bytes) {
    *p = (struct parcel){.most = PIECE_BYTES / bytes};
    p->numbers = malloc(p->most * sizeof *p->numbers);
    p->pixels = malloc(p->most * bytes);
    p->labels = malloc(p->most * sizeof *p->labels);
    return p->numbers && p->pixels && p->labels ? VGGCL_OK : err_no_memory("a part of the images", p->most * bytes);
}

static void parcel_free(struct parcel *p) {
    free(p->numbers);
    free(p->pixels);
    free(p->labels);
}

/* Copies to a rank; to all others if that is 0. */
static enum vggcl_err copy(int to, void *values, size_t bytes) {
    return to ? ranks_give(to, values, bytes) : ranks_share(values, bytes);
}

/* Copies a shard, from set on rank 0 to set on rank `to`, as copy(). */
static enum vggcl_err copy_shard(int to, const struct shard *shard, struct dataset *set, size_t bytes,
                                 struct parcel *p) {
    size_t size = shard_size(shard);
    for (size_t first = 0, n; first < size; first += n) {
        bool sends = ranks_rank() == 0;
        n = size - first < p->most ? size - first : p->most;
        phase_item(first, "image %zu", first + 1);
        for (size_t i = 0; sends && i < n; i++)
            p->numbers[i] = (uint32_t)shard_image(shard, first + i);
        if (sends)
            dataset_gather(set, bytes, p->numbers, n, p->pixels, p->labels);
        TRY(copy(to, sends ? p->pixels : set->pixels + first * bytes, n * bytes));
        TRY(copy(to, sends ? p->labels : set->labels + first, n * sizeof *set->labels));
    }
    return VGGCL_OK;
}

/* The whole set to all ranks, or its shard to each. */
static enum vggcl_err copy_images(const struct vggcl_config *config, size_t images, struct dataset *set, size_t bytes) {
    struct parcel parcel = {.most = PIECE_BYTES / bytes};
    struct shard shard = shard_of(config, images, ranks_rank());
    enum vggcl_err err = VGGCL_OK;
    phase_begin("", "sending the images", shard_size(&shard));
    if (ranks_rank() == 0)
        err = parcel_make(&parcel, bytes);
    if (shard.ranks == 1 && err == VGGCL_OK)
        err = copy_shard(0, &shard, set, bytes, &parcel);
    for (shard.rank = 1; shard.rank < shard.ranks && err == VGGCL_OK; shard.rank++)
        if (ranks_rank() == 0 || ranks_rank() == shard.rank)
            err = copy_shard(shard.rank, &shard, set, bytes, &parcel);
    parcel_free(&parcel);
    return err;
}

enum vggcl_err share_data(const struct vggcl_config *config, struct data *data, struct dataset *shard) {
    struct outline outline = {0};
    TRY(share_outline(data, &outline));
    TRY(share_names(&data->spec, outline.name_bytes));
    const struct shard own = shard_of(config, outline.train, ranks_rank());
    struct dataset *set = ranks_rank() > 0 && own.ranks > 1 ? shard : &data->train;
    if (ranks_rank() > 0)
        TRY(dataset_allocate(set, &data->spec, shard_size(&own)));
    data->train.count = outline.train;
    return copy_images(config, outline.train, set, data_image_bytes(&data->spec));
}

enum vggcl_err share_class_weights(size_t classes, float **weights) {
    if (ranks_rank() > 0)
        *weights = malloc(classes * sizeof **weights);
    return *weights ? ranks_share(*weights, classes * sizeof **weights)
                    : err_no_memory("the class weights", classes * sizeof **weights);
}
