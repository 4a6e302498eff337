#define _DEFAULT_SOURCE /* strdup */
/* folder.c - a folder of pictures as a data set: see tree.h for its layout and decode.h for the pixels.
 *
 * If there is no folder of test pictures, test_share of each class's pictures, rounded to the nearest number, are held
 * out to test on. Which ones, and the order of the training images, are functions of the seed and of the names' order,
 * so that they are the same on every machine. Pictures that cannot be decoded are left out. */
#include "base/parallel.h"
#include "base/rng.h"
#include "base/stop.h"
#include "base/text.h"
#include "data/decode.h"
#include "data/format.h"
#include "data/picture_cache.h"
#include "data/tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 32, PHOTOGRAPH = 64, LISTED = 10 };

/* A picture's place in the data set, and what phase 1 learns of its file. */
struct place {
    struct picture_size own;
    bool test;
    bool unreadable; /* the file, not its contents: that may be otherwise next time */
    size_t position; /* in the training or the test set */
};

struct reading {
    const struct data_source *source;
    struct tree tree;
    struct place *places; /* [tree.count] */
    struct picture_cache cache;
    struct picture_size size; /* of every image of the data set */
};

static void reading_free(struct reading *r) {
    picture_cache_close(&r->cache);
    tree_free(&r->tree);
    free(r->places);
}

static bool is_left_out(const struct reading *r, size_t i) {
    return r->tree.pictures[i].left_out;
}

/* ----------------------------------------------------------------------------------------- all cores at once -- */

/* One step for every picture. */
struct pass {
    struct reading *reading;
    enum vggcl_err (*one)(struct reading *r, size_t i, uint8_t *pixels);
    uint8_t *pixels;
};

/* A picture that cannot be read keeps the error's text, without its path, as its problem. */
static void try_one(size_t i, void *payload) {
    const struct pass *pass = payload;
    struct reading *r = pass->reading;
    struct picture *p = &r->tree.pictures[i];
    if (p->left_out)
        return;
    enum vggcl_err err = pass->one(r, i, pass->pixels);
    if (err != VGGCL_OK) {
        const char *text = vggcl_error();
        size_t length = strlen(p->path);
        bool named = strncmp(text, p->path, length) == 0 && strncmp(text + length, ": ", 2) == 0;
        p->left_out = true;
        p->problem = strdup(named ? text + length + 2 : text);
        r->places[i].unreadable = err != VGGCL_EFORMAT;
    }
}

/* Calls one(r, i, pixels) for each picture i that is not left out, on all cores; VGGCL_ESTOPPED if not for all. */
static enum vggcl_err for_all(struct reading *r, enum vggcl_err (*one)(struct reading *r, size_t i, uint8_t *pixels),
                              uint8_t *pixels, data_progress *progress) {
    struct pass pass = {r, one, pixels};
    const struct parallel loop = {.one = try_one,
                                  .thread_ends = decode_end_thread,
                                  .payload = &pass,
                                  .progress = progress,
                                  .progress_payload = r->source->payload};
    return parallel_for(r->tree.count, &loop) ? VGGCL_OK : stop_check();
}

/* ------------------------------------------------------------------------------------------ the images' size -- */

static enum vggcl_err read_header(struct reading *r, size_t i, uint8_t *pixels) {
    (void)pixels;
    return decode_size(r->tree.pictures[i].path, &r->places[i].own);
}

static size_t shorter_side(const struct picture_size *size) {
    return size->height < size->width ? size->height : size->width;
}

static bool side_fits(size_t side) {
    return side >= DATA_LEAST_SIDE && side <= DATA_MOST_SIDE;
}

/* The pictures' own size if they all have the same one; else 32x32 if half of them or more are small, 64x64 if not. */
static void choose_size(struct reading *r) {
    const struct picture_size *first = NULL;
    bool alike = true;
    size_t readable = 0, small = 0;
    r->size.channels = 1;
    for (size_t i = 0; i < r->tree.count; i++) {
        const struct picture_size *own = &r->places[i].own;
        if (is_left_out(r, i))
            continue;
        first = first ? first : own;
        alike &= own->height == first->height && own->width == first->width;
        small += shorter_side(own) < PHOTOGRAPH;
        readable++;
        if (own->channels > r->size.channels)
            r->size.channels = own->channels;
    }
    size_t side = r->source->side ? r->source->side : 2 * small >= readable ? SMALL : PHOTOGRAPH;
    r->size.height = r->size.width = side;
    if (!r->source->side && first && alike && side_fits(first->height) && side_fits(first->width)) {
        r->size.height = first->height;
        r->size.width = first->width;
    }
}

static enum vggcl_err find_size(struct reading *r) {
    TRY(decode_start(r->tree.folder));
    TRY(for_all(r, read_header, NULL, NULL));
    choose_size(r);
    return VGGCL_OK;
}

/* Lists the pictures, and finds their size in the cache or from their headers. */
static enum vggcl_err prepare(struct reading *r, const struct data_source *source) {
    *r = (struct reading){.source = source};
    if (source->side && !side_fits(source->side))
        return err_set(VGGCL_EUSAGE, "size %zu: the side of an image is %d to %d pixels", source->side, DATA_LEAST_SIDE,
                       DATA_MOST_SIDE);
    TRY(tree_read(source->name, &r->tree));
    r->places = calloc(r->tree.count, sizeof *r->places);
    if (!r->places)
        return err_no_memory("the list of pictures", r->tree.count * sizeof *r->places);
    picture_cache_open(&r->cache, &r->tree, source->side);
    if (!r->cache.stream)
        return find_size(r);
    r->size = r->cache.size;
    return VGGCL_OK;
}

static void write_spec(const struct reading *r, struct data_spec *spec) {
    *spec = (struct data_spec){
        .height = r->size.height, .width = r->size.width, .channels = r->size.channels, .classes = r->tree.class_count};
}

/* ------------------------------------------------------------------------------------------- training or test -- */

/* Marks the test pictures of the class whose pictures are first .. end - 1. */
static enum vggcl_err hold_out_class(struct reading *r, size_t first, size_t end) {
    size_t count = end - first, held_out = (size_t)llround(r->source->test_share * (double)count);
    struct rng rng = rng_sequence(r->source->seed, RNG_HOLD_OUT, r->tree.pictures[first].class_index);
    uint32_t *order = malloc(count * sizeof *order);
    if (!order)
        return err_no_memory("the order of the pictures", count * sizeof *order);
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)(first + i);
    rng_shuffle(&rng, order, count);
    if (held_out == count) /* a class needs a picture to train with */
        held_out--;
    for (size_t i = 0; i < held_out; i++)
        r->places[order[i]].test = true;
    free(order);
    return VGGCL_OK;
}

static enum vggcl_err hold_out(struct reading *r) {
    const struct tree *t = &r->tree;
    for (size_t first = 0, end; first < t->count; first = end) {
        for (end = first; end < t->count && t->pictures[end].class_index == t->pictures[first].class_index;)
            end++;
        TRY(hold_out_class(r, first, end));
    }
    return VGGCL_OK;
}

/* Counts the pictures that can be decoded, and gives each its position. Training images are shuffled, so that a part of
 * them (the options limit and validate) has all classes. */
static enum vggcl_err assign_positions(struct reading *r, size_t *train, size_t *test) {
    struct rng rng = rng_sequence(r->source->seed, RNG_HOLD_OUT, DATA_MOST_CLASSES);
    uint32_t *training = malloc(r->tree.count * sizeof *training);
    if (!training)
        return err_no_memory("the order of the pictures", r->tree.count * sizeof *training);
    *train = *test = 0;
    for (size_t i = 0; i < r->tree.count; i++) {
        if (is_left_out(r, i))
            continue;
        if (r->places[i].test)
            r->places[i].position = (*test)++;
        else
            training[(*train)++] = (uint32_t)i;
    }
    rng_shuffle(&rng, training, *train);
    for (size_t i = 0; i < *train; i++)
        r->places[training[i]].position = i;
    free(training);
    if (*train && (*test || r->source->validate))
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT,
                   "%s: has %zu picture%s to train with and %zu to test on, and needs both; add pictures%s",
                   r->tree.folder, *train, text_plural((long long)*train), *test,
                   r->tree.has_test ? ""
                   : *train         ? ", or set test-share to a larger share, such as 0.5"
                                    : ", or set test-share to a smaller share");
}

static enum vggcl_err split(struct reading *r, size_t *train, size_t *test) {
    for (size_t i = 0; i < r->tree.count; i++)
        r->places[i].test = r->tree.pictures[i].test;
    if (!r->tree.has_test)
        TRY(hold_out(r));
    return assign_positions(r, train, test);
}

/* --------------------------------------------------------------------------------------------- what is left out -- */

static size_t count_problems(const struct reading *r) {
    size_t count = 0;
    for (size_t i = 0; i < r->tree.count; i++)
        count += is_left_out(r, i);
    return count;
}

static const char *problem_of(const struct picture *picture) {
    return picture->problem ? picture->problem : "could not be decoded earlier";
}

/* One line with the first few pictures that are left out; the caller frees it. NULL if memory is out. */
static char *list_problems(const struct reading *r, size_t problems) {
    size_t room = 256 + LISTED * (VGGCL_PATH_MAX + 512), length = 0, listed = 0;
    char *text = malloc(room);
    if (!text)
        return NULL;
    length += (size_t)snprintf(text, room, "%zu of %zu pictures cannot be decoded", problems, r->tree.count);
    for (size_t i = 0; i < r->tree.count && listed < LISTED; i++)
        if (is_left_out(r, i))
            length += (size_t)snprintf(text + length, room - length, "%s %s (%.256s)", listed++ ? "," : ":",
                                       r->tree.pictures[i].path, problem_of(&r->tree.pictures[i]));
    if (problems > listed)
        snprintf(text + length, room - length, ", and %zu more", problems - listed);
    for (char *byte = text; *byte; byte++)
        if ((unsigned char)*byte < ' ') /* names can have newlines */
            *byte = '?';
    return text;
}

/* Refuses too many problems; sets *notes if there are some. */
static enum vggcl_err report_problems(const struct reading *r, char **notes) {
    size_t problems = count_problems(r);
    if (!problems)
        return VGGCL_OK;
    char *text = list_problems(r, problems);
    if (!text)
        return err_no_memory("the list of pictures", LISTED * VGGCL_PATH_MAX);
    /* The quotient, because a product of a share such as 0.29 and 100 is a little less than 29. */
    if ((double)problems / (double)r->tree.count <= r->source->bad_share) {
        *notes = text;
        return VGGCL_OK;
    }
    enum vggcl_err err = err_set(VGGCL_EFORMAT, "%s; remove them, or allow more with bad-images", text);
    free(text);
    return err;
}

/* ------------------------------------------------------------------------------------------------ the interface -- */

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    struct reading r;
    char *notes = NULL;
    enum vggcl_err err;
    TRY_GOTO(prepare(&r, source), done);
    TRY_GOTO(report_problems(&r, &notes), done);
    TRY_GOTO(split(&r, &size->train, &size->test), done);
    write_spec(&r, &size->spec);
done:
    free(notes);
    reading_free(&r);
    return err;
}

static enum vggcl_err decode_one(struct reading *r, size_t i, uint8_t *pixels) {
    return decode_picture(r->tree.pictures[i].path, &r->size, pixels + i * picture_bytes(&r->size));
}

static bool may_be_cached(const struct reading *r) {
    for (size_t i = 0; i < r->tree.count; i++)
        if (r->places[i].unreadable)
            return false;
    return true;
}

/* Whether there is anything to decode: the headers alone may have too many problems, or leave too few pictures. */
static enum vggcl_err check_headers(struct reading *r) {
    size_t train, test;
    char *notes = NULL;
    TRY(report_problems(r, &notes));
    free(notes);
    return split(r, &train, &test);
}

/* Decodes picture i to place i of data->mapped[0], which becomes the cache's file. */
static enum vggcl_err decode_all(struct reading *r, struct data *data) {
    TRY(check_headers(r));
    TRY(picture_cache_begin(&r->cache, &r->tree, &r->size, &data->mapped[0]));
    enum vggcl_err err = for_all(r, decode_one, picture_cache_pixels(&r->cache, &data->mapped[0]), r->source->progress);
    picture_cache_end(&r->cache, &r->tree, &data->mapped[0], err == VGGCL_OK && may_be_cached(r));
    return err;
}

/* Maps the cache's file; if it is damaged, the pictures must be decoded. */
static enum vggcl_err take_pictures(struct reading *r, struct data *data) {
    if (r->cache.stream) {
        if (picture_cache_map(&r->cache, &r->tree, &data->mapped[0]))
            return VGGCL_OK;
        tree_forget_problems(&r->tree);
        TRY(find_size(r));
    }
    return decode_all(r, data);
}

/* Puts the pictures into the sets. */
static enum vggcl_err fill_sets(struct reading *r, struct data *data) {
    size_t train, test;
    uint8_t *pixels = picture_cache_pixels(&r->cache, &data->mapped[0]);
    TRY(report_problems(r, &data->notes));
    TRY(split(r, &train, &test));
    write_spec(r, &data->spec);
    data->spec.class_names = names_copy(r->tree.class_count, r->tree.classes);
    if (!data->spec.class_names)
        return VGGCL_ENOMEM;
    TRY(dataset_refer(&data->train, pixels, train));
    TRY(dataset_refer(&data->test, pixels, test));
    for (size_t i = 0; i < r->tree.count; i++) {
        const struct place *place = &r->places[i];
        const struct dataset *set = place->test ? &data->test : &data->train;
        if (is_left_out(r, i))
            continue;
        set->records[place->position] = (uint32_t)i;
        set->labels[place->position] = (uint16_t)r->tree.pictures[i].class_index;
    }
    return VGGCL_OK;
}

/* Gives each image the path of its file. */
static enum vggcl_err name_files(const struct reading *r, bool test, struct dataset *set) {
    enum vggcl_err err = VGGCL_OK;
    char **paths = calloc(set->count, sizeof *paths);
    if (!paths)
        return err_no_memory("the names of the pictures", set->count * sizeof *paths);
    for (size_t i = 0; i < r->tree.count; i++)
        if (!is_left_out(r, i) && r->places[i].test == test)
            paths[r->places[i].position] = r->tree.pictures[i].path;
    set->files = names_copy(set->count, paths);
    if (!set->files)
        err = VGGCL_ENOMEM;
    free(paths);
    return err;
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    struct reading r;
    enum vggcl_err err;
    TRY_GOTO(prepare(&r, source), done);
    TRY_GOTO(take_pictures(&r, data), done);
    TRY_GOTO(fill_sets(&r, data), done);
    TRY_GOTO(name_files(&r, false, &data->train), done);
    err = name_files(&r, true, &data->test);
done:
    reading_free(&r);
    return err;
}

const struct data_format format_folder = {.name = "folder",
                                          .title = "pictures",
                                          .files = "a subfolder of pictures for each class",
                                          .varies = true,
                                          .any_side = true,
                                          .recognise = tree_recognise,
                                          .count = count,
                                          .read = read};
