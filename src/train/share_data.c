#include "train/share_data.h"
#include "base/phase.h"
#include "ranks/ranks.h"

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

/* `count` images from `first` on. buffer: of rank 0, for pixels that are not in their order; the others' are. */
static enum vggcl_err share_piece(const struct dataset *set, size_t bytes, size_t first, size_t count,
                                  uint8_t *buffer) {
    uint8_t *pixels = set->records ? buffer : set->pixels + first * bytes;
    dataset_want(set, bytes, NULL, first, count);
    for (size_t i = 0; set->records && i < count; i++)
        memcpy(pixels + i * bytes, dataset_pixels(set, bytes, first + i), bytes);
    return ranks_share(pixels, count * bytes);
}

static enum vggcl_err share_pixels(const struct dataset *set, size_t bytes) {
    enum vggcl_err err = VGGCL_OK;
    size_t most = PIECE_BYTES / bytes;
    uint8_t *buffer = set->records ? malloc(most * bytes) : NULL;
    if (set->records && !buffer)
        return err_no_memory("a part of the images", most * bytes);
    phase_begin("", "sending the images", set->count);
    for (size_t first = 0; first < set->count && err == VGGCL_OK; first += most) {
        size_t count = set->count - first < most ? set->count - first : most;
        phase_item(first, "image %zu", first + 1);
        err = share_piece(set, bytes, first, count, buffer);
    }
    free(buffer);
    return err;
}

enum vggcl_err share_data(struct data *data) {
    struct outline outline = {0};
    TRY(share_outline(data, &outline));
    TRY(share_names(&data->spec, outline.name_bytes));
    if (ranks_rank() > 0)
        TRY(dataset_allocate(&data->train, &data->spec, outline.train));
    TRY(ranks_share(data->train.labels, data->train.count * sizeof *data->train.labels));
    return share_pixels(&data->train, data_image_bytes(&data->spec));
}

enum vggcl_err share_class_weights(size_t classes, float **weights) {
    if (ranks_rank() > 0)
        *weights = malloc(classes * sizeof **weights);
    return *weights ? ranks_share(*weights, classes * sizeof **weights)
                    : err_no_memory("the class weights", classes * sizeof **weights);
}
