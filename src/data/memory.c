/* memory.c - the data format of images that a C program has in memory: struct vggcl_dataset. */
#include "data/format.h"

#include <stdlib.h>
#include <string.h>

struct vggcl_dataset {
    struct data_spec spec;
    struct dataset train, test;
};

/* ----------------------------------------------------------------------------------------------------- checking -- */

static enum vggcl_err check_range(const char *field, size_t value, size_t least, size_t most) {
    if (value >= least && value <= most)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "%s: takes a number from %zu to %zu, not %zu", field, least, most, value);
}

static enum vggcl_err check_names(const struct vggcl_dataset_source *source) {
    for (size_t i = 0; source->class_names && i < source->classes; i++)
        if (!source->class_names[i] || !*source->class_names[i])
            return err_set(VGGCL_EUSAGE, "class_names[%zu]: is %s; name all %zu classes, or set class_names to NULL", i,
                           source->class_names[i] ? "empty" : "NULL", source->classes);
    return VGGCL_OK;
}

/* field: "train" or "test". */
static enum vggcl_err check_images(const char *field, const struct vggcl_images *images, size_t classes) {
    if (images->count > INT32_MAX)
        return err_set(VGGCL_EUSAGE, "%s.count: takes at most %d images, not %zu", field, INT32_MAX, images->count);
    if (images->count && (!images->pixels || !images->labels))
        return err_set(VGGCL_EUSAGE, "%s.%s: is NULL, but %s.count is %zu", field, images->pixels ? "labels" : "pixels",
                       field, images->count);
    for (size_t i = 0; i < images->count; i++)
        if (images->labels[i] >= classes)
            return err_set(VGGCL_EUSAGE, "%s.labels[%zu]: is %d, but the %zu classes are 0 to %zu", field, i,
                           images->labels[i], classes, classes - 1);
    return VGGCL_OK;
}

static enum vggcl_err check(const struct vggcl_dataset_source *source) {
    TRY(check_range("height", source->height, DATA_LEAST_SIDE, DATA_MOST_SIDE));
    TRY(check_range("width", source->width, DATA_LEAST_SIDE, DATA_MOST_SIDE));
    if (source->channels != 1 && source->channels != 3)
        return err_set(VGGCL_EUSAGE, "channels: takes 1 (grey) or 3 (red, green, blue), not %zu", source->channels);
    TRY(check_range("classes", source->classes, 2, DATA_MOST_CLASSES));
    TRY(check_names(source));
    if (!source->train.count && !source->test.count)
        return err_set(VGGCL_EUSAGE, "train.count, test.count: both are 0; a data set needs images");
    TRY(check_images("train", &source->train, source->classes));
    return check_images("test", &source->test, source->classes);
}

/* ------------------------------------------------------------------------------------------------------ copying -- */

/* One image, [height][width][channels], to [channels][height][width]. */
static void separate(const uint8_t *from, const struct data_spec *spec, uint8_t *to) {
    size_t plane = spec->height * spec->width;
    for (size_t i = 0; i < plane; i++)
        for (size_t channel = 0; channel < spec->channels; channel++)
            to[channel * plane + i] = from[i * spec->channels + channel];
}

static enum vggcl_err copy_images(const struct vggcl_images *from, const struct data_spec *spec, bool interleaved,
                                  struct dataset *to) {
    size_t bytes = data_image_bytes(spec);
    if (!from->count)
        return VGGCL_OK;
    TRY(dataset_allocate(to, spec, from->count));
    memcpy(to->labels, from->labels, from->count * sizeof *to->labels);
    if (!interleaved)
        memcpy(to->pixels, from->pixels, from->count * bytes);
    for (size_t i = 0; interleaved && i < from->count; i++)
        separate(from->pixels + i * bytes, spec, to->pixels + i * bytes);
    return VGGCL_OK;
}

static enum vggcl_err copy(const struct vggcl_dataset_source *source, struct vggcl_dataset *to) {
    struct data_spec *spec = &to->spec;
    *spec = (struct data_spec){source->height, source->width, source->channels, source->classes, NULL};
    spec->class_names = source->class_names ? names_copy(spec->classes, (char *const *)source->class_names)
                                            : names_numbered(spec->classes);
    if (!spec->class_names)
        return VGGCL_ENOMEM;
    TRY(copy_images(&source->train, spec, source->interleaved, &to->train));
    return copy_images(&source->test, spec, source->interleaved, &to->test);
}

enum vggcl_err vggcl_dataset_create(const struct vggcl_dataset_source *source, struct vggcl_dataset **dataset) {
    *dataset = NULL;
    TRY(check(source));
    struct vggcl_dataset *made = calloc(1, sizeof *made);
    if (!made)
        return err_no_memory("a data set", sizeof *made);
    enum vggcl_err err = copy(source, made);
    if (err == VGGCL_OK)
        *dataset = made;
    else
        vggcl_dataset_free(made);
    return err;
}

void vggcl_dataset_free(struct vggcl_dataset *dataset) {
    if (!dataset)
        return;
    dataset_free(&dataset->train);
    dataset_free(&dataset->test);
    free(dataset->spec.class_names);
    free(dataset);
}

/* --------------------------------------------------------------------------------------------------- the format -- */

/* Only struct vggcl_config names such a set. */
static bool recognise(const char *name) {
    (void)name;
    return false;
}

static enum vggcl_err check_given(const struct data_source *source) {
    if (source->dataset)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "data-format memory: the images are in the memory of a C program, which has to set dataset to them; "
                   "if a folder has the same images, set data to it and data-format to auto");
}

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    TRY(check_given(source));
    *size = (struct data_size){source->dataset->spec, source->dataset->train.count, source->dataset->test.count};
    size->spec.class_names = NULL;
    return VGGCL_OK;
}

static struct dataset borrow(const struct dataset *set) {
    struct dataset borrowed = *set;
    borrowed.borrowed = true;
    return borrowed;
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    TRY(check_given(source));
    const struct vggcl_dataset *from = source->dataset;
    data->spec = from->spec;
    data->spec.class_names = names_copy(from->spec.classes, from->spec.class_names);
    data->train = borrow(&from->train);
    data->test = borrow(&from->test);
    return data->spec.class_names ? VGGCL_OK : VGGCL_ENOMEM;
}

const struct data_format format_memory = {.name = "memory",
                                          .title = "images in memory",
                                          .varies = true,
                                          .recognise = recognise,
                                          .count = count,
                                          .read = read};
