/* The synthetic set: it depends only on seed and index, is balanced, and single pixels do not identify the class. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "data/synth.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIXELS = SYNTH_CHANNELS * SYNTH_SIDE * SYNTH_SIDE };

static void assert_same_images(const struct dataset *a, const struct dataset *b, size_t count) {
    assert_memory_equal(a->pixels, b->pixels, count * PIXELS);
    assert_memory_equal(a->labels, b->labels, count * sizeof *a->labels);
}

static void balanced(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(synth_make(200, 100, SYNTH_SIDE, 1, &data), VGGCL_OK);
    assert_int_equal(data.train.count, 200);
    assert_int_equal(data.test.count, 100);
    for (size_t i = 0; i < data.train.count; i++)
        assert_int_equal(data.train.labels[i], i % SYNTH_CLASSES);
    for (size_t i = 0; i < data.test.count; i++)
        assert_int_equal(data.test.labels[i], i % SYNTH_CLASSES);
    data_free(&data);
}

static void classes_have_different_names(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(synth_make(10, 10, SYNTH_SIDE, 1, &data), VGGCL_OK);
    for (int i = 0; i < SYNTH_CLASSES; i++) {
        assert_true(strlen(data.spec.class_names[i]) > 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(data.spec.class_names[i], data.spec.class_names[k]);
    }
    data_free(&data);
}

static void same_seed_same_images(void **state) {
    (void)state;
    struct data a, b;
    assert_int_equal(synth_make(50, 20, SYNTH_SIDE, 7, &a), VGGCL_OK);
    assert_int_equal(synth_make(50, 20, SYNTH_SIDE, 7, &b), VGGCL_OK);
    assert_same_images(&a.train, &b.train, 50);
    assert_same_images(&a.test, &b.test, 20);
    data_free(&a);
    data_free(&b);
}

/* An image depends on its own index, not on how many there are. */
static void larger_set_begins_with_the_smaller(void **state) {
    (void)state;
    struct data small, large;
    assert_int_equal(synth_make(30, 10, SYNTH_SIDE, 7, &small), VGGCL_OK);
    assert_int_equal(synth_make(60, 40, SYNTH_SIDE, 7, &large), VGGCL_OK);
    assert_same_images(&small.train, &large.train, 30);
    assert_same_images(&small.test, &large.test, 10);
    data_free(&small);
    data_free(&large);
}

/* FNV-1a of all pixels, so that another compiler, machine or a change of the drawing shows. */
static void same_bytes_everywhere(void **state) {
    (void)state;
    struct data data;
    uint64_t hash = 0xcbf29ce484222325;
    assert_int_equal(synth_make(100, 10, SYNTH_SIDE, 1, &data), VGGCL_OK);
    for (size_t i = 0; i < data.train.count * PIXELS; i++)
        hash = (hash ^ data.train.pixels[i]) * 0x100000001b3;
    data_free(&data);
    assert_true(hash == 0xdd1ba841e1806c2);
}

static void no_image_twice(void **state) {
    (void)state;
    struct data one, two;
    assert_int_equal(synth_make(40, 40, SYNTH_SIDE, 1, &one), VGGCL_OK);
    assert_int_equal(synth_make(40, 40, SYNTH_SIDE, 2, &two), VGGCL_OK);
    const uint8_t *sets[] = {one.train.pixels, one.test.pixels, two.train.pixels, two.test.pixels};
    for (size_t i = 0; i < 4 * 40; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(sets[i / 40] + i % 40 * PIXELS, sets[k / 40] + k % 40 * PIXELS, PIXELS);
    data_free(&one);
    data_free(&two);
}

/* The part of the test set that is nearest to the mean training image of its class. */
static double nearest_mean_accuracy(const struct data *data) {
    static float mean[SYNTH_CLASSES][PIXELS];
    size_t correct = 0;
    memset(mean, 0, sizeof mean);
    for (size_t i = 0; i < data->train.count; i++)
        for (size_t p = 0; p < PIXELS; p++)
            mean[data->train.labels[i]][p] += (float)data->train.pixels[i * PIXELS + p];
    for (size_t i = 0; i < data->test.count; i++) {
        double best = 1e30;
        int nearest = 0;
        for (int class = 0; class < SYNTH_CLASSES; class ++) {
            float sum = 0;
            for (size_t p = 0; p < PIXELS; p++) {
                float d = mean[class][p] * SYNTH_CLASSES / (float)data->train.count -
                          (float)data->test.pixels[i * PIXELS + p];
                sum += d * d;
            }
            if (sum < best) {
                best = sum;
                nearest = class;
            }
        }
        correct += nearest == data->test.labels[i];
    }
    return (double)correct / (double)data->test.count;
}

static void pixels_alone_say_little(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(synth_make(SYNTH_TRAIN, SYNTH_TEST, SYNTH_SIDE, 1, &data), VGGCL_OK);
    double accuracy = nearest_mean_accuracy(&data);
    print_message("nearest class mean: %.1f %%\n", 100 * accuracy);
    assert_true(accuracy < 0.25);
    data_free(&data);
}

/* Class by class, over the whole set: the mean of all pixels and of their squares, far from flat and much the same. */
static void brightness_and_contrast_say_little(void **state) {
    (void)state;
    struct data data;
    double mean[SYNTH_CLASSES] = {0}, square[SYNTH_CLASSES] = {0};
    assert_int_equal(synth_make(2000, 10, SYNTH_SIDE, 1, &data), VGGCL_OK);
    for (size_t i = 0; i < data.train.count * PIXELS; i++) {
        int class = data.train.labels[i / PIXELS];
        double value = data.train.pixels[i], n = (double)data.train.count * PIXELS / SYNTH_CLASSES;
        mean[class] += value / n;
        square[class] += value * value / n;
    }
    for (int class = 0; class < SYNTH_CLASSES; class ++) {
        assert_float_equal((float)mean[class], 127.5f, 15.0f);
        assert_in_range((int)(square[class] - mean[class] * mean[class]), 50 * 50, 80 * 80);
    }
    data_free(&data);
}

static void opens_by_name(void **state) {
    (void)state;
    struct data data, made;
    assert_int_equal(data_open(&(struct data_source){.name = "synthetic", .seed = 3}, &data), VGGCL_OK);
    assert_string_equal(data.description, "synthetic (5000 training, 1000 test images)");
    data_free(&data);
    assert_null(data.train.pixels);

    assert_int_equal(data_open(&(struct data_source){.name = "synthetic:40,10", .seed = 3}, &data), VGGCL_OK);
    assert_string_equal(data.description, "synthetic (40 training, 10 test images)");
    assert_int_equal(synth_make(40, 10, SYNTH_SIDE, 3, &made), VGGCL_OK);
    assert_same_images(&data.train, &made.train, 40);
    assert_same_images(&data.test, &made.test, 10);
    data_free(&data);
    data_free(&made);
}

/* States of runs store the fingerprint and refuse other data, so these values, from the first version, must stay. */
static void same_fingerprint_as_ever(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(data_open(&(struct data_source){.name = "synthetic:50,20", .seed = 1}, &data), VGGCL_OK);
    data_limit(&data, 0);
    assert_true(data.fingerprint == 0x6070cb93c8d475d6);
    data_free(&data);
    assert_int_equal(data_open(&(struct data_source){.name = "synthetic:53,13", .seed = 1}, &data), VGGCL_OK);
    data_limit(&data, 51);
    assert_int_equal(data.train.count, 51);
    assert_true(data.fingerprint == 0x5e03b97ad67c1066);
    data_free(&data);
}

/* Labels above 255 count in full. */
static void fingerprint_of_many_classes(void **state) {
    (void)state;
    struct data data = {.spec = {1, 1, 1, 1000, NULL}};
    uint64_t first;
    assert_int_equal(dataset_allocate(&data.train, &data.spec, 9), VGGCL_OK);
    assert_int_equal(dataset_allocate(&data.test, &data.spec, 1), VGGCL_OK);
    data.train.labels[8] = 700;
    data_limit(&data, 0);
    first = data.fingerprint;
    data.train.labels[8] = 700 - 256;
    data.fingerprint = 0; /* else data_limit() keeps it */
    data_limit(&data, 0);
    assert_true(data.fingerprint != first);
    data_free(&data);
}

/* The same scenes at another size; at a multiple of it, nearly the same picture where pixels are averaged. */
static void draws_other_sizes(void **state) {
    (void)state;
    static uint8_t large[SYNTH_CHANNELS * 64 * 64], small[PIXELS];
    double difference = 0;
    for (size_t i = 0; i < 20; i++) {
        synth_draw(large, 64, false, i, 1);
        synth_draw(small, 32, false, i, 1);
        for (size_t at = 0; at < PIXELS; at++) {
            const uint8_t *four = large + at / 32 * 128 + at % 32 * 2;
            difference += fabs((four[0] + four[1] + four[64] + four[65]) / 4.0 - small[at]);
        }
    }
    print_message("mean difference: %.1f of 255\n", difference / (20 * PIXELS));
    assert_true(difference / (20 * PIXELS) < 20); /* both have noise; other scenes differ by about 70 */
    struct data data;
    assert_int_equal(data_open(&(struct data_source){.name = "synthetic:40,10", .side = 64}, &data), VGGCL_OK);
    assert_string_equal(data.description, "synthetic (40 training, 10 test images, 64x64 colour, 10 classes)");
    data_free(&data);
}

static void counts_without_making(void **state) {
    (void)state;
    struct data_size size;
    assert_int_equal(data_count(&(struct data_source){.name = "synthetic:40,10", .validate = 15}, &size), VGGCL_OK);
    assert_int_equal(size.train, 25);
    assert_int_equal(size.test, 15);
    assert_int_equal(size.spec.height, 32);
    assert_int_equal(size.spec.width, 32);
    assert_int_equal(size.spec.channels, 3);
    assert_int_equal(size.spec.classes, 10);
    assert_int_equal(data_count(&(struct data_source){.name = "synthetic:40,10", .validate = 40}, &size), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "validate 40"));
}

static void refuses_other_counts(void **state) {
    (void)state;
    static const char *const specs[] = {
        "synthetic:",
        "synthetic:100",
        "synthetic:100,",
        "synthetic:,100",
        "synthetic:100,100,",
        "synthetic:100,100 ",
        "synthetic: 100,100",
        "synthetic:+100,100",
        "synthetic:-9,100",
        "synthetic:100;100",
        "synthetic:1e3,100",
        "synthetic:100.0,50",
        "synthetic:0x40,100",
        "synthetic:9,100",
        "synthetic:100,9",
        "synthetic:0,0",
        "synthetic:a,b",
        "synthetic:10,10000001",
        "synthetic:10000001,10",
        "synthetic:99999999999999999999999,10",
        "synthetic:18446744073709551626,10",
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct data data;
        if (data_open(&(struct data_source){.name = specs[i]}, &data) != VGGCL_EUSAGE)
            fail_msg("%s was taken, or refused with another code", specs[i]);
        assert_non_null(strstr(vggcl_error(), "synthetic"));
        assert_null(strchr(vggcl_error(), '\n'));
        assert_null(data.train.pixels);
    }
    assert_int_equal(vggcl_synth("/dev/null/nowhere", 5, 10, 32, 1, NULL, NULL), VGGCL_EUSAGE);
}

/* Only the word itself is synthetic: a folder's name may begin with it. */
static void similar_names_are_folders(void **state) {
    (void)state;
    static const char *const specs[] = {"synthetic5", "./synthetic", "Synthetic", "synthetic/"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct data data;
        assert_int_equal(data_open(&(struct data_source){.name = specs[i]}, &data), VGGCL_EIO);
        assert_int_equal(strncmp(vggcl_error(), specs[i], strlen(specs[i])), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced),
        cmocka_unit_test(classes_have_different_names),
        cmocka_unit_test(same_seed_same_images),
        cmocka_unit_test(larger_set_begins_with_the_smaller),
        cmocka_unit_test(same_bytes_everywhere),
        cmocka_unit_test(no_image_twice),
        cmocka_unit_test(pixels_alone_say_little),
        cmocka_unit_test(brightness_and_contrast_say_little),
        cmocka_unit_test(opens_by_name),
        cmocka_unit_test(same_fingerprint_as_ever),
        cmocka_unit_test(fingerprint_of_many_classes),
        cmocka_unit_test(draws_other_sizes),
        cmocka_unit_test(counts_without_making),
        cmocka_unit_test(refuses_other_counts),
        cmocka_unit_test(similar_names_are_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
