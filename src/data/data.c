#define _XOPEN_SOURCE 700 /* realpath */
#include "data/data.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/cifar10.h"
#include "data/found.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE_ROW(name) &format_##name,
static const struct data_format *const formats[] = {DATA_FORMATS(TABLE_ROW)};
enum { FORMATS = sizeof formats / sizeof *formats };

#define NAME_ROW(name) #name,
static const char auto_name[] = "auto";
const char *const data_format_names[] = {auto_name, DATA_FORMATS(NAME_ROW) NULL};
const char *const data_label_names[] = {[DATA_FINE] = "fine", [DATA_COARSE] = "coarse", NULL};

const struct data_size *data_default(void) {
    return &cifar10_size;
}

/* ------------------------------------------------------------------------------------------ finding the format -- */

static const char *name_of(const struct data_source *source) {
    const char *environment = getenv("VGGCL_CIFAR10");
    return *source->name ? source->name : environment && *environment ? environment : "data/cifar-10-batches-bin";
}

/* "CIFAR-10's .bin files, ... or a subfolder of pictures for each class" */
static void list_formats(char *text, size_t size) {
    int last = FORMATS - 1;
    while (!formats[last]->files)
        last--;
    *text = '\0';
    for (int i = 0; i <= last; i++)
        if (formats[i]->files)
            snprintf(text + strlen(text), size - strlen(text), "%s%s",
                     !*text     ? ""
                     : i < last ? ", "
                                : " or ",
                     formats[i]->files);
}

/* Whether a folder has the files of a set that has names of its own. */
static bool has_named_files(const char *folder) {
    for (int i = 0; i < FORMATS; i++)
        if (formats[i]->files && !formats[i]->any_side && formats[i]->recognise(folder))
            return true;
    return false;
}

static enum vggcl_err not_recognised(const char *name) {
    char known[256], found[FOUND_TEXT];
    struct stat status;
    if (found_known(name, has_named_files, found))
        return err_set(VGGCL_EIO, "%s: %s", name, found);
    if (file_is_folder(name))
        found_names(name, found);
    else
        snprintf(found, sizeof found, "%s", stat(name, &status) == 0 ? "is not a directory" : strerror(errno));
    list_formats(known, sizeof known);
    return err_set(
        VGGCL_EIO,
        "%s: %s; `vggcl fetch` downloads CIFAR-10. Or set data to a folder that has %s; data=synthetic needs no "
        "files",
        name, found, known);
}

static bool is_auto(const struct data_source *source) {
    return !source->format || strcmp(source->format, auto_name) == 0;
}

/* The format that source names, else the first that recognises the set. */
static enum vggcl_err find_format(const struct data_source *source, const char *name,
                                  const struct data_format **format) {
    bool any = is_auto(source);
    for (int i = 0; i < FORMATS; i++) {
        *format = formats[i];
        if (!(any ? (*format)->recognise(name) : strcmp((*format)->name, source->format) == 0))
            continue;
        if (source->labels == DATA_COARSE && !(*format)->has_coarse_labels)
            return err_set(VGGCL_EUSAGE, "labels coarse: %s has one kind of labels; leave the option out",
                           (*format)->title);
        return VGGCL_OK;
    }
    return any ? not_recognised(name) : err_choice("data-format", data_format_names, source->format);
}

/* -------------------------------------------------------------------------------------------------- fingerprint -- */

/* Labels are hashed as bytes where they all fit in one, else as 16-bit words, low byte first. */
static uint64_t labels_hash(uint64_t hash, const struct data_spec *spec, const struct dataset *set) {
    enum { CHUNK = 4096 }; /* a multiple of 8: as if all labels were hashed by one call */
    size_t width = spec->classes <= 256 ? 1 : 2;
    for (size_t first = 0; first < set->count; first += CHUNK) {
        uint8_t bytes[2 * CHUNK];
        size_t n = set->count - first < CHUNK ? set->count - first : CHUNK;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < width; k++)
                bytes[i * width + k] = (uint8_t)(set->labels[first + i] >> 8 * k);
        hash = hash_words(hash, bytes, n * width);
    }
    return hash;
}

/* hash_words() of bytes that come in parts. */
struct words_hash {
    uint64_t hash;
    uint8_t rest[8]; /* the last bytes of the parts so far that do not fill a word */
    size_t rest_count;
};

static void hash_part(struct words_hash *h, const uint8_t *bytes, size_t count) {
    if (h->rest_count) {
        size_t missing = sizeof h->rest - h->rest_count, n = count < missing ? count : missing;
        memcpy(h->rest + h->rest_count, bytes, n);
        h->rest_count += n;
        bytes += n;
        count -= n;
        if (h->rest_count < sizeof h->rest)
            return;
        h->hash = hash_words(h->hash, h->rest, sizeof h->rest);
    }
    h->rest_count = count % sizeof h->rest;
    h->hash = hash_words(h->hash, bytes, count - h->rest_count);
    memcpy(h->rest, bytes + count - h->rest_count, h->rest_count);
}

/* As if all pixels were in the order of the images. */
static uint64_t pixels_hash(uint64_t hash, size_t bytes, const struct dataset *set) {
    enum { AHEAD = 256 }; /* images to be read while the ones before are hashed */
    struct words_hash h = {.hash = hash};
    if (!set->records)
        return hash_words(hash, set->pixels, set->count * bytes);
    for (size_t i = 0; i < set->count; i++) {
        if (i % AHEAD == 0)
            dataset_want(set, bytes, NULL, i, set->count - i < 2 * AHEAD ? set->count - i : 2 * AHEAD);
        hash_part(&h, dataset_pixels(set, bytes, i), bytes);
    }
    return hash_words(h.hash, h.rest, h.rest_count);
}

static uint64_t dataset_hash(uint64_t hash, const struct data_spec *spec, const struct dataset *set) {
    hash = hash_words(hash, &set->count, sizeof set->count);
    hash = labels_hash(hash, spec, set);
    return pixels_hash(hash, data_image_bytes(spec), set);
}

static uint64_t fingerprint(const struct data *data) {
    return dataset_hash(dataset_hash(HASH_START, &data->spec, &data->train), &data->spec, &data->test);
}

void data_limit(struct data *data, size_t limit) {
    bool all = !limit || limit >= data->train.count;
    if (!all)
        data->train.count = limit;
    if (!all || !data->fingerprint)
        data->fingerprint = fingerprint(data);
}

/* ----------------------------------------------------------------------------------------- opening and counting -- */

/* The images that are left to train with and to test on. */
static enum vggcl_err hold_out(size_t validate, size_t *train, size_t *test) {
    if (!validate)
        return VGGCL_OK;
    if (validate >= *train)
        return err_set(VGGCL_EUSAGE, "validate %zu: leaves none of %zu training images to train with; hold out fewer",
                       validate, *train);
    *train -= validate;
    *test = validate;
    return VGGCL_OK;
}

/* The count images of set from `first` on, as a set of their own without files. */
static enum vggcl_err cut_out(const struct dataset *set, size_t first, size_t count, const struct data_spec *spec,
                              struct dataset *part) {
    if (set->records) {
        TRY(dataset_refer(part, set->pixels, count));
        memcpy(part->records, set->records + first, count * sizeof *part->records);
    } else {
        TRY(dataset_allocate(part, spec, count));
        memcpy(part->pixels, set->pixels + first * data_image_bytes(spec), count * data_image_bytes(spec));
    }
    memcpy(part->labels, set->labels + first, count * sizeof *part->labels);
    return VGGCL_OK;
}

static enum vggcl_err hold_out_images(size_t validate, struct data *data) {
    struct dataset *train = &data->train, held_out;
    size_t test_count;
    if (!validate)
        return VGGCL_OK;
    TRY(hold_out(validate, &train->count, &test_count));
    TRY(cut_out(train, train->count, validate, &data->spec, &held_out));
    if (train->files) {
        held_out.files = names_copy(validate, train->files + train->count);
        if (!held_out.files) {
            dataset_free(&held_out);
            return VGGCL_ENOMEM;
        }
    }
    dataset_free(&data->test);
    data->test = held_out;
    return VGGCL_OK;
}

/* The images of most formats have the size that they have. */
static enum vggcl_err check_side(const struct data_format *format, size_t side, const struct data_spec *spec) {
    if (!side || format->any_side || (side == spec->height && side == spec->width))
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "size %zu: the images of this %s set are %zux%zu; leave the option out", side,
                   format->title, spec->width, spec->height);
}

static void describe(const struct data_format *format, const struct data_source *source, struct data *data) {
    const char *kind = !format->has_coarse_labels ? "" : source->labels == DATA_COARSE ? ", coarse" : ", fine";
    char what[96] = "";
    if (format->varies || source->side)
        snprintf(what, sizeof what, ", %zux%zu %s, %zu classes", data->spec.width, data->spec.height,
                 data->spec.channels == 1 ? "grey" : "colour", data->spec.classes);
    snprintf(data->description, sizeof data->description, "%s%s%s (%zu training, %zu %s images%s%s%s)", format->title,
             format->files ? " in " : "", format->files ? source->name : "", data->train.count, data->test.count,
             source->validate ? "held-out training" : "test", kind, *kind ? " labels" : "", what);
    if (!format->files || !realpath(source->name, data->folder))
        *data->folder = '\0';
}

enum vggcl_err data_open(const struct data_source *given, struct data *data) {
    enum vggcl_err err;
    struct data_source source = *given;
    const struct data_format *format;
    *data = (struct data){0};
    source.name = name_of(given);
    TRY_GOTO(find_format(&source, source.name, &format), done);
    TRY_GOTO(format->read(&source, data), done);
    TRY_GOTO(check_side(format, source.side, &data->spec), done);
    data->set_fingerprint = fingerprint(data);
    data->fingerprint = source.validate ? 0 : data->set_fingerprint;
    TRY_GOTO(hold_out_images(source.validate, data), done);
    describe(format, &source, data);
done:
    if (err != VGGCL_OK)
        data_free(data);
    return err;
}

enum vggcl_err data_count(const struct data_source *given, struct data_size *size) {
    struct data_source source = *given;
    const struct data_format *format;
    source.name = name_of(given);
    enum vggcl_err err = find_format(&source, source.name, &format);
    if (err == VGGCL_OK)
        err = format->count(&source, size);
    if (err == VGGCL_EIO && !*given->name && (is_auto(given) || strcmp(given->format, format_cifar10.name) == 0)) {
        *size = *data_default();
        err = VGGCL_OK;
    }
    TRY(err);
    TRY(check_side(format, source.side, &size->spec));
    return hold_out(source.validate, &size->train, &size->test);
}

enum vggcl_err data_suffices(size_t train, size_t test, bool trains) {
    if (trains && !train)
        return err_set(VGGCL_EUSAGE, "dataset: has no training images; create it with some in train");
    if (!test)
        return err_set(VGGCL_EUSAGE, "dataset: has no test images; create it with some in test%s",
                       trains ? ", or hold out training images (validate)" : "");
    return VGGCL_OK;
}
