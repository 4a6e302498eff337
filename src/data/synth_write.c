/* synth_write.c - vggcl_synth(): synthetic images as files, of CIFAR-10's format where they have CIFAR-10's size, else
 * of the IDX format. */
#include "base/file.h"
#include "data/cifar10.h"
#include "data/format.h"
#include "data/idx_write.h"
#include "data/synth.h"

#include <stdlib.h>
#include <string.h>

enum { NAMES_TEXT = SYNTH_CLASSES * (CLASS_NAME_LONGEST + 1) };

/* How a set is kept, and which of its files has the names of the classes. */
struct kept {
    const struct data_format *format;
    const char *names;
};
static const struct kept as_cifar10 = {&format_cifar10, "batches.meta.txt"}, as_idx = {&format_idx, "names.txt"};

/* A line for each class, as both formats have it. */
static void names_text(char text[NAMES_TEXT]) {
    *text = '\0';
    for (size_t i = 0; i < SYNTH_CLASSES; i++)
        snprintf(text + strlen(text), NAMES_TEXT - strlen(text), "%s\n", synth_class_name(i));
}

/* Whether a set in dir is a synthetic one, kept in this way: its classes have the names of those. */
static bool is_synthetic(const char *dir, const struct kept *kept) {
    char path[VGGCL_PATH_MAX], expected[NAMES_TEXT], *text = NULL;
    size_t size;
    char *error = err_keep();
    bool same = file_path(path, dir, kept->names) == VGGCL_OK &&
                file_read(path, sizeof expected, &text, &size) == VGGCL_OK &&
                (names_text(expected), strcmp(text, expected) == 0);
    free(text);
    err_put_back(error);
    return same;
}

/* Another data set in the folder is neither overwritten nor mixed with this one. */
static enum vggcl_err check_folder(const char *dir, const struct kept *kept) {
    const struct kept *const ways[] = {&as_cifar10, &as_idx};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (ways[i]->format->recognise(dir) && (ways[i] != kept || !is_synthetic(dir, kept)))
            return err_set(VGGCL_EUSAGE,
                           "%s: holds another data set (%s), which is not overwritten; choose another folder", dir,
                           ways[i]->format->title);
    return VGGCL_OK;
}

static enum vggcl_err write_cifar10(const char *dir, size_t train, size_t test, uint64_t seed) {
    struct data data;
    TRY(synth_make(train, test, SYNTH_SIDE, seed, &data));
    enum vggcl_err err = cifar10_write(dir, &data);
    data_free(&data);
    return err;
}

struct drawing {
    size_t side;
    bool test;
    uint64_t seed;
    size_t before, count; /* images that are drawn already, and all, for drawn */
    void (*drawn)(size_t done, size_t count, void *payload);
    void *payload;
};

static void draw(uint8_t *pixels, size_t i, void *payload) {
    const struct drawing *d = payload;
    synth_draw(pixels, d->side, d->test, i, d->seed);
}

static void written(size_t done, void *payload) {
    const struct drawing *d = payload;
    if (d->drawn)
        d->drawn(d->before + done, d->count, d->payload);
}

static uint8_t label(size_t i) {
    return (uint8_t)(i % SYNTH_CLASSES);
}

static enum vggcl_err write_names(const char *dir, const char *name) {
    char path[VGGCL_PATH_MAX], text[NAMES_TEXT];
    names_text(text);
    text[strlen(text) - 1] = '\0'; /* file_write_text() ends the last line */
    TRY(file_path(path, dir, name));
    return file_write_text(&folder_current, path, text);
}

static enum vggcl_err write_idx(const char *dir, size_t train, size_t test, struct drawing *d) {
    const struct data_spec spec = synth_spec(d->side);
    d->count = train + test;
    TRY(file_make_folder(dir));
    TRY(write_names(dir, as_idx.names)); /* first, so that an incomplete set can be written again */
    TRY(idx_write(dir, &spec, &(struct idx_part){"train", train, draw, label, written, d}));
    d->test = true;
    d->before = train;
    return idx_write(dir, &spec, &(struct idx_part){"t10k", test, draw, label, written, d});
}

enum vggcl_err vggcl_synth(const char *dir, size_t train, size_t test, size_t side, uint64_t seed,
                           void (*drawn)(size_t done, size_t count, void *payload), void *payload) {
    struct drawing drawing = {.side = side, .seed = seed, .drawn = drawn, .payload = payload};
    const struct kept *kept = side == SYNTH_SIDE ? &as_cifar10 : &as_idx;
    TRY(synth_check(train, test, side));
    TRY(check_folder(dir, kept));
    return kept == &as_cifar10 ? write_cifar10(dir, train, test, seed) : write_idx(dir, train, test, &drawing);
}
