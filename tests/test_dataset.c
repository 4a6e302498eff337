/* struct vggcl_dataset: both layouts of pixels, names of classes, and every invalid field, which the error names. */
#include "data/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEIGHT = 8, WIDTH = 11, CHANNELS = 3, CLASSES = 3, TRAIN = 5, TEST = 2 };
enum { IMAGE = HEIGHT * WIDTH * CHANNELS };

static uint8_t planar[TRAIN][CHANNELS][HEIGHT][WIDTH], interleaved[TRAIN][HEIGHT][WIDTH][CHANNELS];
static const uint16_t labels[TRAIN] = {2, 0, 1, 1, 2};

static int fill(void **state) {
    (void)state;
    for (int i = 0; i < TRAIN; i++)
        for (int c = 0; c < CHANNELS; c++)
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                    planar[i][c][y][x] = interleaved[i][y][x][c] = (uint8_t)(97 * i + 61 * c + 13 * y + x);
    return 0;
}

static struct vggcl_dataset_source valid(void) {
    return (struct vggcl_dataset_source){.height = HEIGHT,
                                         .width = WIDTH,
                                         .channels = CHANNELS,
                                         .classes = CLASSES,
                                         .train = {&planar[0][0][0][0], labels, TRAIN},
                                         .test = {&planar[1][0][0][0], labels + 1, TEST}};
}

static struct vggcl_dataset *create(const struct vggcl_dataset_source *source) {
    struct vggcl_dataset *dataset;
    if (vggcl_dataset_create(source, &dataset) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    return dataset;
}

static void opens(const struct vggcl_dataset *dataset, size_t validate, struct data *data) {
    const struct data_source from = {.name = "", .dataset = dataset, .format = "memory", .validate = validate};
    struct data_size size;
    if (data_open(&from, data) != VGGCL_OK || data_count(&from, &size) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(size.train, data->train.count);
    assert_int_equal(size.test, data->test.count);
    assert_memory_equal(&size.spec, &data->spec, offsetof(struct data_spec, class_names));
}

/* ------------------------------------------------------------------------------------------------------- valid -- */

static void has_both_sets(const struct vggcl_dataset *dataset) {
    struct data data;
    opens(dataset, 0, &data);
    assert_string_equal(data.description, "images in memory (5 training, 2 test images, 11x8 colour, 3 classes)");
    assert_memory_equal(data.train.pixels, planar, sizeof planar);
    assert_memory_equal(data.train.labels, labels, sizeof labels);
    assert_memory_equal(data.test.pixels, planar[1], TEST * IMAGE);
    assert_memory_equal(data.test.labels, labels + 1, TEST * sizeof *labels);
    assert_string_equal(data.folder, "");
    data_free(&data);
}

/* The source may be freed at once. */
static void copies_both_layouts(void **state) {
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct vggcl_dataset_source source = valid();
        uint8_t *pixels = malloc(TRAIN * IMAGE);
        memcpy(pixels, turn ? (void *)interleaved : (void *)planar, TRAIN * IMAGE);
        source.interleaved = turn;
        source.train.pixels = pixels;
        source.test.pixels = pixels + IMAGE;
        struct vggcl_dataset *dataset = create(&source);
        free(pixels);
        has_both_sets(dataset);
        has_both_sets(dataset); /* closing the first one left the images */
        vggcl_dataset_free(dataset);
    }
}

static void names_are(const char *const *given, const char *const *expected) {
    struct vggcl_dataset_source source = valid();
    struct data data;
    source.class_names = given;
    struct vggcl_dataset *dataset = create(&source);
    opens(dataset, 0, &data);
    vggcl_dataset_free(dataset); /* the names are copies */
    assert_int_equal(data.spec.classes, CLASSES);
    for (int i = 0; i < CLASSES; i++)
        assert_string_equal(data.spec.class_names[i], expected[i]);
    data_free(&data);
}

static void names_its_classes(void **state) {
    (void)state;
    static const char *const names[] = {"cat", "a dog, perhaps", "\303\244ffin"}, *const numbers[] = {"0", "1", "2"};
    names_are(names, names);
    names_are(NULL, numbers);
}

/* As many classes as there can be, in images of one channel. */
static void takes_the_limits(void **state) {
    (void)state;
    static uint8_t pixels[DATA_MOST_SIDE * DATA_LEAST_SIDE];
    static const uint16_t last = DATA_MOST_CLASSES - 1;
    const struct vggcl_dataset_source source = {.height = DATA_MOST_SIDE,
                                                .width = DATA_LEAST_SIDE,
                                                .channels = 1,
                                                .classes = DATA_MOST_CLASSES,
                                                .test = {pixels, &last, 1}};
    struct vggcl_dataset *dataset = create(&source);
    struct data data;
    opens(dataset, 0, &data);
    assert_string_equal(data.description, "images in memory (0 training, 1 test images, 8x256 grey, 65535 classes)");
    assert_int_equal(data.test.labels[0], last);
    assert_string_equal(data.spec.class_names[last], "65534");
    data_free(&data);
    vggcl_dataset_free(dataset);
}

/* Held-out images are copied, so that closing the set leaves those in memory. */
static void holds_images_out(void **state) {
    (void)state;
    struct vggcl_dataset_source source = valid();
    struct data data;
    source.test = (struct vggcl_images){0};
    struct vggcl_dataset *dataset = create(&source);
    for (int turn = 0; turn < 2; turn++) {
        opens(dataset, 3, &data);
        assert_int_equal(data.train.count, TRAIN - 3);
        assert_int_equal(data.test.count, 3);
        assert_memory_equal(data.test.pixels, planar[TRAIN - 3], 3 * IMAGE);
        data_free(&data);
    }
    vggcl_dataset_free(dataset);
}

/* ----------------------------------------------------------------------------------------------------- invalid -- */

static void refuses(const struct vggcl_dataset_source *source, const char *text) {
    struct vggcl_dataset *dataset = (struct vggcl_dataset *)&planar;
    assert_int_equal(vggcl_dataset_create(source, &dataset), VGGCL_EUSAGE);
    assert_null(dataset);
    assert_string_equal(vggcl_error(), text);
}

#define REFUSES(change, text)                                                                                          \
    do {                                                                                                               \
        struct vggcl_dataset_source source = valid();                                                                  \
        source.change;                                                                                                 \
        refuses(&source, text);                                                                                        \
    } while (0)

static void refuses_invalid_fields(void **state) {
    (void)state;
    static const uint16_t wrong[TRAIN] = {2, 0, 1, 3, 2};
    static const char *const missing[] = {"cat", NULL, "dog"}, *const empty[] = {"cat", "dog", ""};
    REFUSES(height = 7, "height: takes a number from 8 to 256, not 7");
    REFUSES(height = 257, "height: takes a number from 8 to 256, not 257");
    REFUSES(width = 0, "width: takes a number from 8 to 256, not 0");
    REFUSES(width = SIZE_MAX, "width: takes a number from 8 to 256, not 18446744073709551615");
    REFUSES(channels = 2, "channels: takes 1 (grey) or 3 (red, green, blue), not 2");
    REFUSES(channels = 4, "channels: takes 1 (grey) or 3 (red, green, blue), not 4");
    REFUSES(classes = 1, "classes: takes a number from 2 to 65535, not 1");
    REFUSES(classes = 65536, "classes: takes a number from 2 to 65535, not 65536");
    REFUSES(class_names = missing, "class_names[1]: is NULL; name all 3 classes, or set class_names to NULL");
    REFUSES(class_names = empty, "class_names[2]: is empty; name all 3 classes, or set class_names to NULL");
    REFUSES(train.pixels = NULL, "train.pixels: is NULL, but train.count is 5");
    REFUSES(test.labels = NULL, "test.labels: is NULL, but test.count is 2");
    REFUSES(train.labels = wrong, "train.labels[3]: is 3, but the 3 classes are 0 to 2");
    REFUSES(classes = 2, "train.labels[0]: is 2, but the 2 classes are 0 to 1");
    REFUSES(test.count = (size_t)1 << 31, "test.count: takes at most 2147483647 images, not 2147483648");
}

static void refuses_no_images(void **state) {
    (void)state;
    struct vggcl_dataset_source source = valid();
    source.train.count = source.test.count = 0;
    refuses(&source, "train.count, test.count: both are 0; a data set needs images");
    vggcl_dataset_free(NULL);
}

/* The format cannot be asked for by its name alone. */
static void refuses_the_format_alone(void **state) {
    (void)state;
    const struct data_source from = {.name = "somewhere", .format = "memory"};
    struct data data;
    struct data_size size;
    assert_int_equal(data_open(&from, &data), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "data-format memory: the images are in the memory of a C program"));
    assert_int_equal(data_count(&from, &size), VGGCL_EUSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_both_layouts),      cmocka_unit_test(names_its_classes),
        cmocka_unit_test(takes_the_limits),         cmocka_unit_test(holds_images_out),
        cmocka_unit_test(refuses_invalid_fields),   cmocka_unit_test(refuses_no_images),
        cmocka_unit_test(refuses_the_format_alone),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
