/* Batches of images made from bytes, with and without augmentation. */
#include "common.h"

#include "check/check_image.h"
#include "ops/image.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 101, ROUNDINGS = 5, MOST_CLASSES = 65536 };
#define SEED 0xFEDCBA9876543210

/* Different in each channel. */
static const struct normalisation uneven = {{0.485, 0.1, -1, 0}, {0.229, 1.0 / 3, 2, 1e-3}};

static const struct augmentation none = {.seed = SEED}, mirrored_at_random = {.mirror = MIRROR_RANDOM, .seed = SEED};

/* What the images are. */
struct size {
    size_t h, w, c;
};
static const struct size cifar = {32, 32, 3};

struct fixture {
    size_t image; /* bytes of one */
    uint8_t *pixels;
    uint16_t labels[COUNT];
    int32_t order[COUNT];
    struct image_set set;
    struct tensor order_device;
};

/* Random images, in the order of 7, 14, ... modulo their number. */
static struct fixture make(struct size s) {
    struct fixture f = {.image = s.h * s.w * s.c, .set = {COUNT, s.h, s.w, s.c, {0}, {0}, false}};
    struct rng r = rng_sequence(5, RNG_SYNTH, 0);
    f.pixels = zeros(COUNT * f.image);
    for (size_t i = 0; i < COUNT * f.image; i++)
        f.pixels[i] = (uint8_t)(rng_u32(&r) >> 24);
    for (int i = 0; i < COUNT; i++) {
        f.labels[i] = (uint16_t)rng_below(&r, MOST_CLASSES);
        f.order[i] = (int32_t)((i + 1) * 7 % COUNT);
    }
    f.set.pixels = upload_bytes(COUNT * f.image, f.pixels);
    f.set.labels = upload_bytes(sizeof f.labels, f.labels);
    f.order_device = upload(COUNT, f.order);
    return f;
}

static void check_normalised(const struct fixture *f, size_t first, size_t n, const struct normalisation *normal,
                             struct augmentation how, uint32_t epoch) {
    struct tensor x = poisoned(n * f->image), labels = poisoned(n);
    how.seed = SEED;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, first, n, normal, &how, x, labels));
    COMPARE(text("%zu images of %zux%zux%zu from %zu, epoch %u, mirror %d, shift %d, cutout %d", n, f->set.height,
                 f->set.width, f->set.channels, first, epoch, how.mirror, how.shift, how.cutout),
            x, ROUNDINGS, i, reference_image(&f->set, f->pixels, f->order, first, normal, &how, i));
    const int32_t *got = download(labels);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], f->labels[f->order[first + i]]);
}

static void check_batch(const struct fixture *f, size_t first, size_t n, struct augmentation how, uint32_t epoch) {
    check_normalised(f, first, n, &normalisation_half, how, epoch);
}

/* The text that goes into checkpoints has the numbers that the network's input is made with. */
static void preprocessing(void **state) {
    (void)state;
    double mean, deviation;
    assert_int_equal(sscanf(VGGCL_PREPROCESSING, "(x/255 - %lf)/%lf", &mean, &deviation), 2);
    for (int i = 0; i < NORMALISE_CHANNELS; i++)
        assert_true(mean == normalisation_half.mean[i] && deviation == normalisation_half.deviation[i]);
    char text[NORMALISE_TEXT];
    normalise_describe(&normalisation_half, 3, text);
    assert_string_equal(text, VGGCL_PREPROCESSING);
    normalise_describe(&uneven, 2, text);
    assert_string_equal(text, "(x/255 - mean)/std, mean 0.485, 0.1, std 0.229, 0.33333333333333331");
    normalise_list(uneven.deviation, 3, text);
    assert_string_equal(text, "[0.229,0.33333333333333331,2]");
}

static void plain(void **state) {
    (void)state;
    struct fixture f = make(cifar);
    check_batch(&f, 0, 1, none, 1);
    check_batch(&f, 50, 3, none, 1);
    check_batch(&f, COUNT - 13, 13, none, 2);
}

static void flipped(void **state) {
    (void)state;
    struct fixture f = make(cifar);
    check_batch(&f, 0, interpreted() ? 7 : COUNT, mirrored_at_random, 1);
    check_batch(&f, 0, 13, mirrored_at_random, 2);
    check_batch(&f, 57, 1, mirrored_at_random, 300);
    check_batch(&f, 57, 3, (struct augmentation){.mirror = MIRROR_ALWAYS}, 1);
}

/* Up to the largest shifts, and squares from a pixel to more than the image. */
static void shifted_and_cut(void **state) {
    (void)state;
    static const struct augmentation cases[] = {
        {.shift = 1},  {.shift = 4},   {.shift = 31},  {.cutout = 1},
        {.cutout = 8}, {.cutout = 33}, {.cutout = 64}, {.mirror = MIRROR_RANDOM, .shift = 4, .cutout = 12}};
    struct fixture f = make(cifar);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_batch(&f, 5, interpreted() ? 3 : COUNT - 5, cases[i], 7);
}

/* Images that are wide, high, grey, of four channels, a single pixel. */
static void other_sizes(void **state) {
    (void)state;
    static const struct size sizes[] = {{5, 9, 3}, {64, 7, 1}, {28, 28, 1}, {3, 17, 4}, {1, 1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        size_t least = sizes[i].h < sizes[i].w ? sizes[i].h : sizes[i].w, n = interpreted() ? 3 : COUNT - 5;
        check_batch(&f, 5, n, none, 1);
        check_batch(&f, 5, n,
                    (struct augmentation){.mirror = MIRROR_RANDOM, .shift = (int)least - 1, .cutout = (int)least / 2},
                    7);
    }
}

/* Each channel by its own mean and deviation; cut pixels are the mean. */
static void normalised(void **state) {
    (void)state;
    static const struct size sizes[] = {{32, 32, 3}, {28, 28, 1}, {3, 17, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        check_normalised(&f, 5, 13, &uneven, none, 1);
        check_normalised(&f, 5, 13, &uneven, (struct augmentation){.mirror = MIRROR_RANDOM, .shift = 1, .cutout = 2},
                         7);
    }
}

/* The mean and standard deviation of images, from a formula; what cannot be normalised so is an error. */
static void measured(void **state) {
    (void)state;
    enum { SIDE = 8, PLANE = SIDE * SIDE };
    static uint8_t pixels[2 * 3 * PLANE];
    const struct data_spec spec = {SIDE, SIDE, 3, 2, NULL}, grey = {SIDE, SIDE, 1, 2, NULL};
    const struct dataset train = {.count = 2, .pixels = pixels}, none_left = {.count = 0, .pixels = pixels};
    struct normalisation n;
    for (int i = 0; i < 2 * 3 * PLANE; i++) /* 10 and 20; 0 and 255; 7, 9 and, in the second image, 30 */
        pixels[i] = (uint8_t)(i / PLANE % 3 == 0   ? 10 + i % 2 * 10
                              : i / PLANE % 3 == 1 ? i % 2 * 255
                              : i / PLANE > 3      ? 30
                                                   : 7 + i % 2 * 2);
    assert_int_equal(normalise(VGGCL_NORMALIZE_DATASET, &spec, &train, &n), VGGCL_OK);
    static const double mean[] = {15, 127.5, 19}, deviation[] = {5, 127.5, 11.022703842524301};
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(n.mean[i] * 255 - mean[i]) < 1e-12 * 255);
        assert_true(fabs(n.deviation[i] * 255 - deviation[i]) < 1e-12 * 255);
    }
    assert_int_equal(normalise(VGGCL_NORMALIZE_IMAGENET, &spec, NULL, &n), VGGCL_OK);
    assert_true(n.mean[0] == 0.485 && n.mean[2] == 0.406 && n.deviation[1] == 0.224);
    CHECK_FAILS(normalise(VGGCL_NORMALIZE_IMAGENET, &grey, &train, &n), VGGCL_EUSAGE,
                "these have 1; set normalize to ");
    CHECK_FAILS(normalise(VGGCL_NORMALIZE_DATASET, &spec, &none_left, &n), VGGCL_EUSAGE, "no training images");
    memset(pixels + PLANE, 9, PLANE);
    memset(pixels + 4 * PLANE, 9, PLANE);
    CHECK_FAILS(normalise(VGGCL_NORMALIZE_DATASET, &spec, &train, &n), VGGCL_EUSAGE, "channel 2 has the same value");
}

/* The two ends of a byte are exactly -1 and 1. */
static void range(void **state) {
    (void)state;
    enum { IMAGE = 3 * 32 * 32 };
    uint8_t *pixels = zeros(IMAGE);
    for (int i = 0; i < IMAGE; i++)
        pixels[i] = (uint8_t)(i % 2 ? 255 : 0);
    const uint16_t label = 9;
    const int32_t order = 0;
    struct image_set set = {1, 32, 32, 3, upload_bytes(IMAGE, pixels), upload_bytes(sizeof label, &label), false};
    struct tensor x = poisoned(IMAGE), labels = poisoned(1);
    CHECK(image_batch(device, &set, upload(1, &order), 0, 1, &normalisation_half, &none, x, labels));
    const float *got = download(x);
    for (int i = 0; i < IMAGE; i++)
        assert_true(got[i] == (i / 3 % 2 ? 1.0f : -1.0f));
    assert_int_equal(*(int32_t *)download(labels), 9);
}

/* Which of all images a batch of them all holds mirrored: those that differ from the plain ones. */
static bool *mirrored(const struct fixture *f, uint32_t epoch) {
    struct tensor plain = poisoned(COUNT * f->image), x = poisoned(COUNT * f->image), labels = poisoned(COUNT);
    bool *is = zeros(COUNT * sizeof *is);
    struct augmentation how = mirrored_at_random;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &normalisation_half, &none, plain, labels));
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &normalisation_half, &how, x, labels));
    const float *before = download(plain), *after = download(x);
    for (size_t i = 0; i < COUNT; i++)
        is[i] = memcmp(before + i * f->image, after + i * f->image, f->image * sizeof(float)) != 0;
    return is;
}

/* The standard deviation of both counts is 5. */
static void half_are_flipped(void **state) {
    (void)state;
    if (interpreted())
        skip();
    struct fixture f = make(cifar);
    const bool *first = mirrored(&f, 1), *again = mirrored(&f, 1), *next = mirrored(&f, 2);
    int flips = 0, changes = 0;
    for (int i = 0; i < COUNT; i++) {
        flips += first[i];
        changes += first[i] != next[i];
        assert_int_equal(first[i], again[i]);
    }
    assert_in_range(flips, COUNT / 2 - 20, COUNT / 2 + 20);
    assert_in_range(changes, COUNT / 2 - 20, COUNT / 2 + 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preprocessing), DEVICE_TEST(plain),         DEVICE_TEST(flipped),
        DEVICE_TEST(shifted_and_cut),    DEVICE_TEST(other_sizes),   DEVICE_TEST(range),
        DEVICE_TEST(normalised),         cmocka_unit_test(measured), DEVICE_TEST(half_are_flipped),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
