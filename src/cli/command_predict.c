#define _DEFAULT_SOURCE /* fts, getline, strdup */
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/messages.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/text.h"
#include "data/decode.h"

#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const *words;
static const char *top_text;
static bool as_json, as_csv;

/* ---------------------------------------------------------------------------------------------- which pictures -- */

struct paths {
    char **list; /* [count], owned */
    size_t count, room;
};

static void paths_free(struct paths *p) {
    for (size_t i = 0; i < p->count; i++)
        free(p->list[i]);
    free(p->list);
}

static bool add_path(struct paths *p, const char *path) {
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 64;
        char **grown = realloc(p->list, room * sizeof *grown);
        if (!grown)
            return false;
        p->list = grown;
        p->room = room;
    }
    p->list[p->count] = strdup(path);
    return p->list[p->count++];
}

static int by_name(const FTSENT **a, const FTSENT **b) {
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* All pictures below a folder, except hidden ones. */
static bool add_folder(struct paths *p, const char *folder) {
    char *start = strdup(folder);
    FTS *walk = start ? fts_open((char *const[]){start, NULL}, FTS_PHYSICAL | FTS_NOCHDIR, by_name) : NULL;
    bool added = walk;
    FTSENT *entry;
    while (added && (entry = fts_read(walk))) {
        bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
        if (hidden && entry->fts_info == FTS_D)
            fts_set(walk, entry, FTS_SKIP);
        if (!hidden && entry->fts_info == FTS_F && decode_is_picture(entry->fts_name))
            added = add_path(p, entry->fts_path);
    }
    if (walk)
        fts_close(walk);
    free(start);
    return added;
}

/* The lines of the standard input. */
static bool add_lines(struct paths *p) {
    char *line = NULL;
    size_t size = 0;
    bool added = true;
    for (ssize_t length; added && (length = getline(&line, &size, stdin)) >= 0;) {
        if (length > 0 && line[length - 1] == '\n')
            line[length - 1] = '\0';
        added = !*line || add_path(p, line);
    }
    free(line);
    return added;
}

static bool find_pictures(struct paths *p) {
    for (const char *const *word = words; *word; word++) {
        bool added = strcmp(*word, "-") == 0 ? add_lines(p)
                     : file_is_folder(*word) ? add_folder(p, *word)
                                             : add_path(p, *word);
        if (!added)
            return false;
    }
    return true;
}

/* --------------------------------------------------------------------------------------------------- printing -- */

/* A class and its probability. */
struct guess {
    size_t class_index;
    float probability;
};

/* NaN comes first, so that it is seen. */
static int by_probability(const void *a, const void *b) {
    const struct guess *x = a, *y = b;
    if (isnan(x->probability) != isnan(y->probability))
        return isnan(x->probability) ? -1 : 1;
    if (x->probability != y->probability && !isnan(x->probability))
        return x->probability < y->probability ? 1 : -1;
    return x->class_index < y->class_index ? -1 : x->class_index > y->class_index;
}

static void print_text(const char *path, char *const *classes, const struct guess *best, size_t top) {
    cli_print_column(path, 32, INT_MAX);
    for (size_t k = 0; k < top; k++) {
        printf("  ");
        cli_print_column(classes[best[k].class_index], 0, INT_MAX);
        printf(" %.1f %%", 100 * (double)best[k].probability);
    }
    putchar('\n');
}

static void print_csv(const char *path, char *const *classes, const struct guess *best, size_t top) {
    for (size_t k = 0; k < top; k++) {
        cli_csv_field(stdout, path);
        printf(",%zu,", k + 1);
        cli_csv_field(stdout, classes[best[k].class_index]);
        printf(",%.6f\n", (double)best[k].probability);
    }
}

static void print_json(const char *path, char *const *classes, const struct guess *best, size_t top) {
    json_t *list = json_array();
    for (size_t k = 0; k < top; k++)
        json_add(&list, JSON_MAKE({"class", json_make_text(classes[best[k].class_index])},
                                  {"probability", json_make_number((double)best[k].probability)}));
    cli_print_json(JSON_MAKE({"file", json_make_text(path)}, {"predictions", list}),
                   JSON_COMPACT | JSON_REAL_PRECISION(6));
}

/* ------------------------------------------------------------------------------------------------- predicting -- */

struct job {
    struct vggcl_predictor *predictor;
    const struct vggcl_predictor_info *info;
    char *const *paths; /* of this batch */
    size_t image_bytes, top;
    uint8_t *pixels;
    char **problems; /* [batch]: why a picture could not be read, owned; NULL if it could */
    float *probabilities;
    struct guess *guesses;        /* [class_count] */
    size_t failures, not_numbers; /* pictures that could not be read; whose probabilities are NaN */
};

static void job_free(struct job *j) {
    free(j->pixels);
    free(j->problems);
    free(j->probabilities);
    free(j->guesses);
    vggcl_predictor_free(j->predictor);
}

static bool job_allocate(struct job *j) {
    const struct vggcl_predictor_info *info = j->info;
    j->image_bytes = info->height * info->width * info->channels;
    j->pixels = calloc(info->batch, j->image_bytes);
    j->problems = calloc(info->batch, sizeof *j->problems);
    j->probabilities = malloc(info->batch * info->class_count * sizeof *j->probabilities);
    j->guesses = malloc(info->class_count * sizeof *j->guesses);
    return j->pixels && j->problems && j->probabilities && j->guesses;
}

static void read_picture(size_t i, void *payload) {
    struct job *j = payload;
    if (vggcl_predictor_read(j->predictor, j->paths[i], j->pixels + i * j->image_bytes) != VGGCL_OK)
        j->problems[i] = strdup(vggcl_error());
}

static void print_problem(struct job *j, size_t i) {
    text_make_printable(j->problems[i], "");
    fflush(stdout);
    fprintf(messages(), "vggcl: error: %s\n", j->problems[i]);
    free(j->problems[i]);
    j->problems[i] = NULL;
    j->failures++;
}

static void print_prediction(struct job *j, size_t i) {
    size_t classes = j->info->class_count;
    for (size_t k = 0; k < classes; k++)
        j->guesses[k] = (struct guess){k, j->probabilities[i * classes + k]};
    qsort(j->guesses, classes, sizeof *j->guesses, by_probability);
    (as_json ? print_json : as_csv ? print_csv : print_text)(j->paths[i], j->info->classes, j->guesses, j->top);
    j->not_numbers += isnan(j->guesses->probability) != 0;
}

static enum vggcl_err predict_batch(struct job *j, size_t count) {
    const struct parallel loop = {.one = read_picture, .thread_ends = decode_end_thread, .payload = j};
    parallel_for(count, &loop);
    enum vggcl_err err = vggcl_predict(j->predictor, j->pixels, count, j->probabilities);
    progress_hide();
    for (size_t i = 0; i < count && err == VGGCL_OK; i++)
        (j->problems[i] ? print_problem : print_prediction)(j, i);
    fflush(stdout);
    return err;
}

static int predict_all(struct job *j, const struct paths *p) {
    size_t batch = j->info->batch;
    if (!job_allocate(j))
        return cli_no_memory();
    if (as_csv)
        puts("file,rank,class,probability");
    for (size_t first = 0; first < p->count; first += batch) {
        size_t count = p->count - first < batch ? p->count - first : batch;
        j->paths = p->list + first;
        enum vggcl_err err = predict_batch(j, count);
        if (err != VGGCL_OK)
            return cli_failed(err);
    }
    if (j->not_numbers)
        cli_complain("the network's output for %zu of %zu pictures is not a number; use the weights of an earlier "
                     "checkpoint",
                     j->not_numbers, p->count);
    return j->failures ? EXIT_FAILED : EXIT_FINE;
}

static int open_and_predict(const struct vggcl_config *given, const struct paths *p, size_t top) {
    struct vggcl_config config = *given;
    struct job j = {0};
    if (p->count < (size_t)config.batch)
        config.batch = (int)p->count;
    enum vggcl_err err = vggcl_predictor_open(&config, &j.predictor);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    j.info = vggcl_predictor_describe(j.predictor);
    cli_warn(j.info->warnings);
    j.top = top < j.info->class_count ? top : j.info->class_count;
    int status = predict_all(&j, p);
    job_free(&j);
    return status;
}

static int run(const struct vggcl_config *config) {
    struct paths p = {0};
    long top = 5;
    int status;
    if (top_text && !cli_parse_count(top_text, 1, 65535, &top))
        return cli_misused("--top takes a whole number from 1 to 65535, not '%s'", top_text);
    if (!*words)
        return cli_misused("predict needs pictures, e.g.: vggcl predict --weights save/best.safetensors photo.jpg");
    if (!find_pictures(&p))
        status = cli_misused("the list of pictures cannot be read: %s", strerror(errno));
    else if (!p.count)
        status = cli_misused("there are no pictures (jpg, png, webp, gif, tiff, bmp) in %s", *words);
    else
        status = open_and_predict(config, &p, (size_t)top);
    paths_free(&p);
    return status;
}

const struct command command_predict = {
    .name = "predict",
    .summary = "says what is on pictures, with a trained network",
    .description =
        "Prints the most probable classes of each picture, with their probabilities. The weights file says which\n"
        "network it is, how large its images are and what its classes are called. Pictures are prepared as in\n"
        "training: the first frame, upright, scaled until it covers the network's image and cropped at its centre.\n"
        "IMAGE is a file, a folder (all pictures in it), or - for a list of files on the standard input, a line each.\n"
        "A picture that cannot be read is named on the standard error, and the rest is done.\n\n"
        "  vggcl predict --weights save/best.safetensors photo.jpg\n"
        "  vggcl predict --weights save/best.safetensors --top 1 --csv folder >list.csv\n"
        "  find . -name '*.jpg' | vggcl predict --weights save/best.safetensors --json -\n\n"
        "Exit status: 0 done, 1 failed or some pictures could not be read, 2 wrong flags.\n",
    .options = VGGCL_FOR_PREDICT | VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){{"top", "K", "print the K most probable classes (default 5)", &top_text, NULL},
                              {"json", NULL, "for scripts: one object for each picture, in a line", NULL, &as_json},
                              {"csv", NULL, "columns file, rank, class, probability", NULL, &as_csv},
                              {0}},
    .words = &(const struct flag){.name = "", .argument = "IMAGE..."},
    .word_list = &words,
    .run = run,
};
