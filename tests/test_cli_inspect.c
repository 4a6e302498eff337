/* vggcl inspect on small generated sets: what the pictures and the page show, and vggcl_inspect() by its numbers. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "browser.h"
#include "data/data.h"
#include "files/safetensors.h"
#include "idx.h"
#include "pictures.h"
#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef VGGCL_PNG
#include <png.h>

enum { CLASSES = 10, SIDE = 32, PIXELS = 3 * SIDE * SIDE, TRAIN = 200, TEST = 50, CUTOUT = 8, GREY_CUT = 128 };
enum { MANY = 40, MANY_SIDE = 12 };

#define NETWORK "--model vgg11 --width 0.0625 --no-dropout --batch 40 --epochs 1 --no-selfcheck --profile none"
#define INSPECT "inspect --weights s/best.safetensors --profile none"

static const char *const names[CLASSES] = {"<b>&\"",
                                           "'quoted'",
                                           "a name of thirty-one bytes' len",
                                           "\xc3\xa9t\xc3\xa9",
                                           "</table>",
                                           "@MATRIX@",
                                           "&amp;",
                                           "<!-- a comment",
                                           "ship",
                                           "truck"};
static const char *const escaped[CLASSES] = {"&lt;b&gt;&amp;&quot;",
                                             "&#39;quoted&#39;",
                                             "a name of thirty-one bytes&#39; len",
                                             "\xc3\xa9t\xc3\xa9",
                                             "&lt;/table&gt;",
                                             "@MATRIX@",
                                             "&amp;amp;",
                                             "&lt;!-- a comment",
                                             "ship",
                                             "truck"};

/* ---------------------------------------------------------------------------------------------------- the sets -- */

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void name_classes(void) {
    char text[1024] = "";
    for (int i = 0; i < CLASSES; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", names[i]);
    write_file(path_of("set/batches.meta.txt"), text, strlen(text));
}

static uint8_t many_label(int i) {
    return (uint8_t)(i % MANY);
}

static uint8_t many_pixel(int i, int y, int x) {
    return (uint8_t)(many_label(i) * 6 + (x * 5 + y * 3 + i) % 11);
}

static void put_many(void) {
    char text[4096] = "";
    write_file(path_of("many/none"), "", 0);
    idx_write_part("many", "train", 2 * MANY, MANY_SIDE, MANY_SIDE, many_pixel, many_label);
    idx_write_part("many", "t10k", 2 * MANY, MANY_SIDE, MANY_SIDE, many_pixel, many_label);
    for (int i = 0; i < MANY; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "class <%d>\n", i);
    write_file(path_of("many/names.txt"), text, strlen(text));
}

static int make_networks(void **state) {
    if (make_folder(state) || vggcl("synth --out set --train %d --test %d", TRAIN, TEST))
        return -1;
    name_classes();
    put_many();
    if (vggcl("train --data set --no-flip --cutout %d --validate 40 --limit 120 --seed 3 " NETWORK " --save s",
              CUTOUT) ||
        vggcl("train --data many " NETWORK " --save m"))
        return fputs(output, stderr) < 0 ? -2 : -1;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- reading answers -- */

static json_t *answer(void) {
    json_error_t error;
    json_t *all = json_loads(output, 0, &error);
    if (!all)
        fail_msg("%s in %s", error.text, output);
    return all;
}

static size_t number_of(const json_t *object, const char *key) {
    assert_true(json_is_integer(json_object_get(object, key)));
    return (size_t)json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key) {
    assert_true(json_is_string(json_object_get(object, key)));
    return json_string_value(json_object_get(object, key));
}

/* Decodes a whole PNG file in memory, so that a damaged one fails. */
static void assert_png(const void *bytes, size_t count, size_t width, size_t height, bool colour) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_memory(&image, bytes, count))
        fail_msg("%s", image.message);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.format & PNG_FORMAT_FLAG_COLOR, colour ? PNG_FORMAT_FLAG_COLOR : 0);
    void *pixels = malloc(PNG_IMAGE_SIZE(image));
    assert_non_null(pixels);
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    free(pixels);
}

/* The file is listed with this size, and has it. */
static void assert_file(const json_t *all, const char *path, size_t width, size_t height, bool colour) {
    size_t i, count;
    json_t *file;
    json_array_foreach(json_object_get(all, "files"), i, file) {
        if (strcmp(text_of(file, "file"), path) != 0)
            continue;
        assert_int_equal(number_of(file, "width"), width);
        assert_int_equal(number_of(file, "height"), height);
        char *bytes = read_file(path_of(path), &count);
        assert_png(bytes, count, width, height, colour);
        free(bytes);
        return;
    }
    fail_msg("%s is not listed", path);
}

static char *read_page(const char *path) {
    size_t count;
    char *page = read_file(path_of(path), &count);
    assert_int_equal(strlen(page), count);
    return page;
}

static int digit(char c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strchr(digits, c);
    assert_non_null(at);
    return (int)(at - digits);
}

/* Decodes base64 up to a quote. The caller frees the bytes. */
static uint8_t *decode(const char *text, size_t *count) {
    size_t length = strcspn(text, "\"");
    uint8_t *bytes = malloc(length);
    assert_non_null(bytes);
    assert_int_equal(length % 4, 0);
    *count = 0;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t word = 0;
        size_t n = text[i + 2] == '=' ? 1 : text[i + 3] == '=' ? 2 : 3;
        for (size_t k = 0; k < 4; k++)
            word = word << 6 | (k <= n ? (uint32_t)digit(text[i + k]) : 0);
        for (size_t k = 0; k < n; k++)
            bytes[(*count)++] = (uint8_t)(word >> (16 - 8 * k));
    }
    return bytes;
}

/* The page's pictures are in it: `tiles` single images of the set, and two others. Nothing else is loaded. */
static void assert_self_contained(const char *page, size_t tiles, size_t side, bool colour) {
    static const char start[] = "<img alt=\"", source[] = "\" src=\"data:image/png;base64,";
    size_t found = 0, others = 0, count;
    for (const char *at = page; (at = strstr(at, start)); found++) {
        const char *data = strstr(at, source) + strlen(source);
        uint8_t *bytes = decode(data, &count);
        png_image image = {.version = PNG_IMAGE_VERSION};
        assert_true(png_image_begin_read_from_memory(&image, bytes, count));
        others += image.width != side;
        if (image.width == side)
            assert_png(bytes, count, side, side, colour);
        png_image_free(&image);
        free(bytes);
        at = data;
    }
    assert_int_equal(found, tiles + 2);
    assert_int_equal(others, 2);
    assert_null(strstr(page, "<script"));
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "url("));
    assert_non_null(strstr(page, "default-src 'none'; img-src data:; style-src 'unsafe-inline'"));
    assert_non_null(strstr(page, "</html>"));
}

static size_t sheet_side(size_t tiles, size_t tile) {
    return tiles * (tile + 2) - 2;
}

/* ---------------------------------------------------------------------------------------------------- the tests -- */

static void writes_pictures_and_page(void **state) {
    (void)state;
    assert_int_equal(vggcl(INSPECT " --out new/a --json"), 0);
    json_t *all = answer(), *trained = json_object_get(all, "training"), *wrong = json_object_get(all, "wrong");
    size_t tiles = json_array_size(trained), wrongs = json_array_size(wrong);
    assert_int_equal(json_array_size(json_object_get(all, "files")), 5);
    assert_int_equal(tiles, 6 * CLASSES); /* 64 / 10 of each class */
    for (size_t i = 0; i < tiles; i++)
        assert_string_equal(json_string_value(json_array_get(trained, i)), names[i / 6]);
    assert_int_equal(number_of(all, "images"), TEST);
    assert_in_range(wrongs, 1, 32);
    assert_file(all, "new/a/training.png", sheet_side(8, 64), sheet_side((tiles + 7) / 8, 64), true);
    assert_file(all, "new/a/wrong.png", sheet_side(wrongs < 8 ? wrongs : 8, 64), sheet_side((wrongs + 7) / 8, 64),
                true);
    assert_file(all, "new/a/confusion.png", 52 * CLASSES, 52 * CLASSES, true);
    assert_file(all, "new/a/filters.png", sheet_side(2, 48), sheet_side(2, 48), true); /* 4 of 3x3 */
    json_decref(all);

    char *page = read_page("new/a/inspect.html"), text[256];
    assert_self_contained(page, tiles + wrongs, SIDE, true);
    for (int i = 0; i < CLASSES; i++) {
        snprintf(text, sizeof text, "<figcaption>%s</figcaption>", escaped[i]);
        assert_non_null(strstr(page, text));
        snprintf(text, sizeof text, "<tr><th>%s</th><td", escaped[i]);
        assert_non_null(strstr(page, text));
    }
    assert_null(strstr(page, "<b>&\""));
    assert_null(strstr(page, "<!-- a"));
    assert_non_null(strstr(page, "<br>vggcl " VGGCL_VERSION));
    free(page);
    browser_fits("new/a/inspect.html");

    assert_int_equal(vggcl(INSPECT), 0);
    assert_says("\ninspect/training.png  training images");
    assert_says("\ninspect/inspect.html  ");
    assert_int_equal(access(path_of("inspect/wrong.png"), R_OK), 0);
    assert_int_equal(vggcl("version >/dev/null; ls -A inspect | grep -c tmp"), 1); /* no temporary file is left */
    assert_string_equal(output, "0\n");
}

/* The numbers of the page's table are those that eval prints. */
static void counts_as_eval(void **state) {
    (void)state;
    assert_int_equal(vggcl(INSPECT " --out c"), 0);
    assert_int_equal(vggcl("eval --weights s/best.safetensors --profile none --json"), 0);
    json_t *all = answer(), *confusion = json_object_get(all, "confusion");
    char *page = read_page("c/inspect.html"), right[64];
    const char *at = strstr(page, "<table class=\"matrix\">");
    assert_non_null(at);
    for (size_t i = 0; i < CLASSES; i++)
        for (size_t k = 0; k < CLASSES; k++) {
            at = strchr(strstr(at, "<td"), '>');
            assert_int_equal(strtol(at + 1, NULL, 10),
                             json_integer_value(json_array_get(json_array_get(confusion, i), k)));
        }
    snprintf(right, sizeof right, ": %zu of %d images are right", number_of(all, "correct"), TEST);
    assert_non_null(strstr(page, right));
    free(page);
    json_decref(all);
}

/* More classes than a table has room for, and grey images. */
static void lists_the_most_confused_of_many(void **state) {
    (void)state;
    assert_int_equal(vggcl("inspect --weights m/best.safetensors --profile none --out many-out --json"), 0);
    json_t *all = answer();
    size_t wrongs = json_array_size(json_object_get(all, "wrong"));
    assert_file(all, "many-out/training.png", sheet_side(8, 60), sheet_side(5, 60), false); /* one of each class */
    assert_file(all, "many-out/confusion.png", 13 * MANY, 13 * MANY, true);
    assert_file(all, "many-out/filters.png", sheet_side(2, 48), sheet_side(2, 48), false);
    json_decref(all);

    assert_int_equal(vggcl("eval --weights m/best.safetensors --profile none --json"), 0);
    json_t *confusion = json_object_get(all = answer(), "confusion");
    char *page = read_page("many-out/inspect.html"), text[128];
    assert_self_contained(page, MANY + wrongs, MANY_SIDE, false);
    assert_null(strstr(page, "<table class=\"matrix\">"));
    browser_fits("many-out/inspect.html");
    json_int_t before = 2 * MANY, most = 0;
    const char *at = strstr(page, "<tbody>");
    for (int row = 0; row < 50 && (at = strstr(at, "<tr><th>class &lt;")); row++) {
        int label, predicted, count;
        assert_int_equal(sscanf(at, "<tr><th>class &lt;%d&gt;</th><td class=\"name\">class &lt;%d&gt;</td><td>%d</td>",
                                &label, &predicted, &count),
                         3);
        assert_int_equal(
            json_integer_value(json_array_get(json_array_get(confusion, (size_t)label), (size_t)predicted)), count);
        assert_true(label != predicted && count >= 1 && count <= before);
        before = count;
        most = count > most ? count : most;
        at++;
    }
    for (size_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "<figcaption>class &lt;%zu&gt;</figcaption>", i);
        assert_non_null(strstr(page, text));
        for (size_t k = 0; k < MANY; k++)
            assert_true(i == k || json_integer_value(json_array_get(json_array_get(confusion, i), k)) <= most);
    }
    free(page);
    json_decref(all);
}

/* Nothing wrong: there is no picture of it, nor one from before. */
static void shows_no_wrong_images(void **state) {
    (void)state;
    size_t count;
    assert_int_equal(vggcl("eval --weights s/best.safetensors --profile none --limit 1 --json"), 0);
    json_t *all = answer();
    size_t right = number_of(all, "correct"), i, k;
    char *batch = read_file(path_of("set/test_batch.bin"), &count), before = batch[0];
    json_t *row;
    json_array_foreach(json_object_get(all, "confusion"), i, row) {
        for (k = 0; k < CLASSES; k++)
            if (json_integer_value(json_array_get(row, k)))
                batch[0] = (char)k; /* the label becomes what is predicted */
    }
    assert_true((batch[0] == before) == right);
    write_file(path_of("set/test_batch.bin"), batch, count);
    write_file(path_of("right/wrong.png"), "old", 3);
    assert_int_equal(vggcl(INSPECT " --limit 1 --out right --json"), 0);
    assert_int_equal(access(path_of("right/wrong.png"), F_OK), -1);
    assert_int_equal(access(path_of("right/filters.png"), F_OK), 0);
    json_decref(all);
    all = answer();
    assert_int_equal(number_of(all, "correct"), 1);
    assert_int_equal(json_array_size(json_object_get(all, "wrong")), 0);
    json_decref(all);
    char *page = read_page("right/inspect.html");
    assert_non_null(strstr(page, "<p>None.</p>"));
    free(page);
    batch[0] = before;
    write_file(path_of("set/test_batch.bin"), batch, count);
    free(batch);
}

/* Whether the shown image is this one with nothing but a grey square in it. */
static bool is_cut_from(const uint8_t *shown, const uint8_t *image) {
    size_t changed = 0;
    for (size_t k = 0; k < PIXELS; k++) {
        changed += shown[k] != image[k];
        if (shown[k] != image[k] && shown[k] != GREY_CUT)
            return false;
    }
    return changed <= (size_t)3 * CUTOUT * CUTOUT;
}

/* Each shown image is one of the 120 that were trained with, with its label; gives how many have a grey square. */
static size_t assert_trained(const struct vggcl_inspection *found, const struct dataset *train) {
    size_t cut = 0;
    for (size_t i = 0; i < found->trained_count; i++) {
        const uint8_t *shown = found->trained + i * PIXELS;
        size_t k = 0;
        while (k < 120 && !is_cut_from(shown, train->pixels + k * PIXELS))
            k++;
        assert_true(k < 120);
        assert_int_equal(found->trained_labels[i], train->labels[k]);
        cut += memcmp(shown, train->pixels + k * PIXELS, PIXELS) != 0;
    }
    return cut;
}

static void assert_wrong(const struct vggcl_inspection *found, const struct dataset *test) {
    const struct vggcl_evaluation *e = &found->evaluation;
    float before = 1, least_shown = 1;
    size_t unshown = 0, wrong = 0;
    for (size_t i = 0; i < found->wrong_count; i++) {
        const struct vggcl_prediction *p = &e->predictions[found->wrong[i]];
        assert_true(p->predicted != p->label && p->probability <= before);
        assert_memory_equal(found->wrong_images + i * PIXELS, test->pixels + found->wrong[i] * PIXELS, PIXELS);
        before = least_shown = p->probability;
    }
    for (size_t i = 0; i < e->images; i++) {
        wrong += e->predictions[i].predicted != e->predictions[i].label;
        unshown +=
            e->predictions[i].predicted != e->predictions[i].label && e->predictions[i].probability > least_shown;
    }
    assert_int_equal(wrong, e->images - e->correct);
    assert_int_equal(found->wrong_count, wrong < 5 ? wrong : 5);
    assert_true(unshown < found->wrong_count);
}

static void gives_numbers(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_inspection found, again;
    struct data data;
    struct safetensors file;
    char set[VGGCL_PATH_MAX];
    snprintf(set, sizeof set, "%s", path_of("set"));
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    assert_int_equal(vggcl_config_set(&config, "data", set), VGGCL_OK);
    assert_int_equal(vggcl_config_set(&config, "weights", path_of("s/best.safetensors")), VGGCL_OK);
    assert_int_equal(vggcl_config_set(&config, "profile", "none"), VGGCL_OK);
    assert_int_equal(vggcl_config_set(&config, "batch", "7"), VGGCL_OK); /* several batches, the last one smaller */
    if (vggcl_inspect(&config, 30, 5, &found) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(data_open(&(struct data_source){.name = set}, &data), VGGCL_OK);
    assert_int_equal(found.height, SIDE);
    assert_int_equal(found.width, SIDE);
    assert_int_equal(found.channels, 3);
    assert_int_equal(found.trained_count, 30);
    assert_in_range(assert_trained(&found, &data.train), 25, 30); /* cutout is random, but never outside of the image */
    assert_wrong(&found, &data.test);

    assert_int_equal(safetensors_read(path_of("s/best.safetensors"), &file), VGGCL_OK);
    const struct record *first = safetensors_find(&file, "conv1_1.weight");
    assert_int_equal(found.filter_count * 3 * found.filter_height * found.filter_width, record_count(first));
    assert_memory_equal(found.filters, first->values, record_count(first) * sizeof *found.filters);
    safetensors_free(&file);

    assert_int_equal(vggcl_inspect(&config, 30, 0, &again), VGGCL_OK); /* the same choice */
    assert_memory_equal(again.trained, found.trained, found.trained_count * PIXELS);
    assert_int_equal(again.wrong_count, 0);
    data_free(&data);
    vggcl_inspection_free(&found);
    vggcl_inspection_free(&again);
    vggcl_inspection_free(NULL);
}

/* Gives how many of the shown images are as in the data set. */
static size_t unchanged(const struct vggcl_inspection *found, const struct dataset *train) {
    size_t same = 0;
    for (size_t i = 0; i < found->trained_count; i++)
        for (size_t k = 0; k < train->count; k++)
            same += memcmp(found->trained + i * PIXELS, train->pixels + k * PIXELS, PIXELS) == 0;
    return same;
}

/* The run's colours, boxes and mixtures are shown; only without them the images are as in the data set. */
static void shows_what_the_run_changes(void **state) {
    (void)state;
    static const char *const options[] = {"", "--color-jitter 1", "--resized-crop 0.3", "--mixup 1", "--cutmix 1"};
    struct data data;
    char set[VGGCL_PATH_MAX];
    snprintf(set, sizeof set, "%s", path_of("set"));
    assert_int_equal(data_open(&(struct data_source){.name = set}, &data), VGGCL_OK);
    for (int i = 0; i < 5; i++) {
        struct vggcl_config config;
        struct vggcl_inspection found;
        assert_int_equal(vggcl("train --data set --no-flip --limit 40 %s " NETWORK " --save j%d", options[i], i), 0);
        assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
        assert_int_equal(vggcl_config_set(&config, "data", set), VGGCL_OK);
        assert_int_equal(vggcl_config_set(&config, "profile", "none"), VGGCL_OK);
        snprintf(config.weights, sizeof config.weights, "%s/j%d/best.safetensors", folder, i);
        if (vggcl_inspect(&config, 30, 0, &found) != VGGCL_OK)
            fail_msg("%s", vggcl_error());
        assert_in_range(found.trained_count, 10, 30);
        assert_int_equal(unchanged(&found, &data.train), i ? 0 : found.trained_count);
        vggcl_inspection_free(&found);
    }
    data_free(&data);
}

static void refuses(void **state) {
    (void)state;
    assert_fails(2, "weights: is missing", "inspect --out none");
    assert_fails(1, "no.safetensors", "inspect --weights no.safetensors --out none");
    assert_fails(2, "is a network of 10 classes, but the data set has 40", INSPECT " --data many --out none");
    assert_fails(1, "set/test_batch.bin: is not a folder", INSPECT " --out set/test_batch.bin");
    assert_fails(1, "set/test_batch.bin/x: cannot make this folder", INSPECT " --out set/test_batch.bin/x");
    assert_fails(2, "takes no '--steps'", INSPECT " --steps 3");
    assert_int_equal(access(path_of("none"), F_OK), -1); /* nothing is left of them */
    if (geteuid() == 0)
        return; /* may write anywhere */
    assert_int_equal(vggcl("version; mkdir -m 0555 locked"), 0);
    assert_fails(1, "locked: this folder cannot be written to", INSPECT " --out locked");
}

#else

static void says_that_libpng_is_missing(void **state) {
    (void)state;
    assert_fails(2, "this vggcl was built without libpng, which writes pictures: install libpng-dev",
                 "inspect --weights s/best.safetensors");
}

#endif

int main(void) {
#ifdef VGGCL_PNG
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_pictures_and_page),
        cmocka_unit_test(counts_as_eval),
        cmocka_unit_test(lists_the_most_confused_of_many),
        cmocka_unit_test(shows_no_wrong_images),
        cmocka_unit_test(gives_numbers),
        cmocka_unit_test(shows_what_the_run_changes),
        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, make_networks, remove_folder);
#else
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_that_libpng_is_missing)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
#endif
}
