#define _POSIX_C_SOURCE 200809L /* unlinkat */
#include "base/file.h"
#include "cli/inspect_page.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "files/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TRAINED = 64, /* training images, about */
    WRONG = 32,   /* wrong test images, at most */
    COLUMNS = 8,  /* of images in a sheet */
    SIDE = 64,    /* pixels: images in a sheet are enlarged, by a whole number, to at most this */
    FILTER = 16   /* pixels a side of a filter's weight */
};

static const char *out = "inspect", *tensorboard;
static bool as_json;

static const char page_name[] = "inspect.html";
static const struct {
    const char *name, *shows, *tag;
} pictures[INSPECT_PICTURES] = {
    [INSPECT_TRAINING] = {"training.png", "training images, augmented", "inspect/training"},
    [INSPECT_CONFUSION] = {"confusion.png", "confusion matrix", "inspect/confusion"},
    [INSPECT_WRONG] = {"wrong.png", "the most confidently wrong test images", "inspect/wrong"},
    [INSPECT_FILTERS] = {"filters.png", "filters of the first layer", "inspect/filters"}};

/* ------------------------------------------------------------------------------------------------- the pictures -- */

static enum vggcl_err draw_images(const struct images *images, struct png *png) {
    struct picture sheet;
    size_t side = images->height > images->width ? images->height : images->width;
    if (!images->count)
        return VGGCL_OK;
    TRY(sheet_make(images, COLUMNS, side < SIDE ? SIDE / side : 1, &sheet));
    return inspect_encode(&sheet, png);
}

static enum vggcl_err draw_matrix(const struct vggcl_evaluation *e, struct png *png) {
    struct picture matrix;
    TRY(sheet_matrix(e->confusion, e->class_count, &matrix));
    return inspect_encode(&matrix, png);
}

static enum vggcl_err draw_filters(const struct vggcl_inspection *found, struct png *png) {
    struct picture sheet;
    struct images filters = {found->filter_count, found->filter_height, found->filter_width, found->channels, NULL};
    uint8_t *bytes;
    size_t columns = 1;
    while (columns * columns < filters.count)
        columns++;
    TRY(sheet_bytes(found->filters, filters.count * filters.channels * filters.height * filters.width, &bytes));
    filters.pixels = bytes;
    enum vggcl_err err = sheet_make(&filters, columns, FILTER, &sheet);
    free(bytes);
    return err == VGGCL_OK ? inspect_encode(&sheet, png) : err;
}

static enum vggcl_err draw(struct inspected *s) {
    const struct vggcl_inspection *found = &s->found;
    s->trained = (struct images){found->trained_count, found->height, found->width, found->channels, found->trained};
    s->wrong = (struct images){found->wrong_count, found->height, found->width, found->channels, found->wrong_images};
    TRY(draw_images(&s->trained, &s->pictures[INSPECT_TRAINING]));
    TRY(draw_matrix(&found->evaluation, &s->pictures[INSPECT_CONFUSION]));
    TRY(draw_images(&s->wrong, &s->pictures[INSPECT_WRONG]));
    return draw_filters(found, &s->pictures[INSPECT_FILTERS]);
}

/* --------------------------------------------------------------------------------------------------- the folder -- */

/* Fails before the network is evaluated, not after. */
static enum vggcl_err open_out(struct folder *folder) {
    TRY(file_make_folder(out));
    TRY(folder_open(folder, out));
    if (faccessat(folder->descriptor, ".", W_OK | X_OK, 0) == 0)
        return VGGCL_OK;
    return err_set(VGGCL_EIO, "%s: this folder cannot be written to: %s; choose another one with --out", out,
                   strerror(errno));
}

/* A picture that there is nothing for must not stay from an earlier call. */
static enum vggcl_err write_picture(const struct folder *folder, const char *name, const struct png *png) {
    struct file_write file;
    if (!png->bytes) {
        unlinkat(folder->descriptor, name, 0);
        return VGGCL_OK;
    }
    TRY(file_write_begin(&file, folder, name));
    fwrite(png->bytes, 1, png->size, file.stream);
    return file_write_commit(&file);
}

static enum vggcl_err write_all(const struct folder *folder, const struct inspected *s) {
    for (size_t i = 0; i < INSPECT_PICTURES; i++)
        TRY(write_picture(folder, pictures[i].name, &s->pictures[i]));
    return inspect_write_page(folder, page_name, s);
}

/* -------------------------------------------------------------------------------------------------- TensorBoard -- */

/* Before the network is evaluated, too. */
static enum vggcl_err open_events(struct log_file *events) {
    return tensorboard ? events_continue(events, "tensorboard", tensorboard) : VGGCL_OK;
}

static enum vggcl_err write_events(struct log_file *events, const struct inspected *s) {
    for (size_t i = 0; i < INSPECT_PICTURES; i++) {
        const struct png *png = &s->pictures[i];
        struct event event = {.kind = EVENT_IMAGE,
                              .step = s->found.steps ? s->found.steps - 1 : 0, /* as train writes an epoch's events */
                              .tag = pictures[i].tag,
                              .image = {png->height, png->width, png->channels, png->size, png->bytes}};
        if (png->bytes)
            TRY(events_add(events, &event));
    }
    return log_file_sync(events);
}

/* A file without pictures is removed. */
static void close_events(struct log_file *events, bool written) {
    if (events->descriptor >= 0 && !written)
        unlink(events->path);
    log_file_close(events);
}

/* ----------------------------------------------------------------------------------------------------- printing -- */

static void print_text(const struct inspected *s, const struct log_file *events) {
    const struct vggcl_evaluation *e = &s->found.evaluation;
    printf("%s, width %g, on %s\n%s\n", e->model, e->width, e->device.name, e->dataset);
    printf("test accuracy %.6f (%zu of %zu)\n\n", e->accuracy, e->correct, e->images);
    for (size_t i = 0; i < INSPECT_PICTURES; i++)
        if (s->pictures[i].bytes)
            printf("%s/%s  %s\n", out, pictures[i].name, pictures[i].shows);
    printf("%s/%s  all of them, with the names of the classes\n", out, page_name);
    if (tensorboard)
        printf("%s  the pictures, for TensorBoard\n", events->path);
}

static json_t *files_json(const struct inspected *s, const struct log_file *events) {
    json_t *files = json_array();
    char path[VGGCL_PATH_MAX];
    for (size_t i = 0; i < INSPECT_PICTURES; i++) {
        const struct png *png = &s->pictures[i];
        if (png->bytes && file_path(path, out, pictures[i].name) == VGGCL_OK)
            json_add(&files, JSON_MAKE({"file", json_make_text(path)}, {"shows", json_make_text(pictures[i].shows)},
                                       {"width", json_integer((json_int_t)png->width)},
                                       {"height", json_integer((json_int_t)png->height)}));
    }
    if (file_path(path, out, page_name) == VGGCL_OK)
        json_add(&files, JSON_MAKE({"file", json_make_text(path)}, {"shows", json_make_text("page")}));
    if (tensorboard)
        json_add(&files, JSON_MAKE({"file", json_make_text(events->path)}, {"shows", json_make_text("events")}));
    return files;
}

static json_t *trained_json(const struct inspected *s) {
    json_t *classes = json_array();
    for (size_t i = 0; i < s->trained.count; i++)
        json_add(&classes, json_make_text(s->found.evaluation.classes[s->found.trained_labels[i]]));
    return classes;
}

static json_t *wrong_json(const struct inspected *s) {
    const struct vggcl_evaluation *e = &s->found.evaluation;
    json_t *list = json_array();
    for (size_t i = 0; i < s->wrong.count; i++) {
        const struct vggcl_prediction *p = &e->predictions[s->found.wrong[i]];
        json_add(&list, JSON_MAKE({"image", json_integer((json_int_t)s->found.wrong[i])},
                                  {"file", json_make_text(p->file)}, {"class", json_make_text(e->classes[p->label])},
                                  {"predicted", json_make_text(e->classes[p->predicted])},
                                  {"probability", json_make_number((double)p->probability)}));
    }
    return list;
}

static void print_json(const struct inspected *s, const struct log_file *events) {
    const struct vggcl_evaluation *e = &s->found.evaluation;
    cli_print_json(JSON_MAKE({"images", json_integer((json_int_t)e->images)},
                             {"correct", json_integer((json_int_t)e->correct)}, {"files", files_json(s, events)},
                             {"training", trained_json(s)}, {"wrong", wrong_json(s)}),
                   CLI_JSON);
}

/* --------------------------------------------------------------------------------------------------- the command -- */

static void inspected_free(struct inspected *s) {
    for (size_t i = 0; i < INSPECT_PICTURES; i++)
        free(s->pictures[i].bytes);
    vggcl_inspection_free(&s->found);
}

static int run(const struct vggcl_config *config) {
    struct inspected s = {.weights = config->weights};
    struct folder folder = FOLDER_CLOSED;
    struct log_file events = LOG_FILE_CLOSED;
    bool is_new = !file_exists(out);
    enum vggcl_err err = png_available();
    if (err == VGGCL_OK)
        err = open_out(&folder);
    if (err == VGGCL_OK)
        err = open_events(&events);
    if (err == VGGCL_OK)
        err = vggcl_inspect(config, TRAINED, WRONG, &s.found);
    progress_hide();
    cli_warn(s.found.evaluation.warnings);
    if (err == VGGCL_OK)
        err = draw(&s);
    if (err == VGGCL_OK)
        err = write_all(&folder, &s);
    if (err == VGGCL_OK)
        err = write_events(&events, &s);
    if (err == VGGCL_OK)
        (as_json ? print_json : print_text)(&s, &events);
    else if (is_new)
        rmdir(out); /* only if it is empty */
    if (err == VGGCL_OK)
        cli_check_loss(&s.found.evaluation, config->weights);
    close_events(&events, err == VGGCL_OK);
    inspected_free(&s);
    folder_close(&folder);
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

const struct command command_inspect = {
    .name = "inspect",
    .summary = "pictures of what a network sees and gets wrong",
    .description =
        "Evaluates the weights of a safetensors file as eval does, and writes to the folder --out:\n"
        "training images as the network gets them, augmented; the confusion matrix; the test images that are wrong\n"
        "with the largest probability; the filters of the first layer. Each is a PNG file, and inspect.html shows\n"
        "all of them with the names of the classes. The page is one file and loads nothing else.\n\n"
        "  vggcl inspect --weights save/best.safetensors\n"
        "  vggcl inspect --weights save/best.safetensors --tensorboard runs/a\n",
    .options = VGGCL_FOR_EVAL | VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){
            {"out", "DIR", "folder to write to, created if missing (default inspect)", &out, NULL},
            {"tensorboard", "DIR",
             "also write the pictures to this folder as an event file for TensorBoard, at the step of the weights",
             &tensorboard, NULL},
            {"json", NULL, "for scripts: the files, and the classes of the images in them", NULL, &as_json},
            {0}},
    .run = run,
};
