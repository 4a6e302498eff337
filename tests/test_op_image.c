/* Batches of images made from bytes, with and without augmentation. */
#include "common.h"

#include "check/check_image.h"
#include "ops/image.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 101, ROUNDINGS = 5, MOST_CLASSES = 65536 };
#define SEED 0xFEDCBA9876543210

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

static void check_batch(const struct fixture *f, size_t first, size_t n, struct augmentation how, uint32_t epoch) {
    struct tensor x = poisoned(n * f->image), labels = poisoned(n);
    how.seed = SEED;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, first, n, &how, x, labels));
    COMPARE(text("%zu images of %zux%zux%zu from %zu, epoch %u, mirror %d, shift %d, cutout %d", n, f->set.height,
                 f->set.width, f->set.channels, first, epoch, how.mirror, how.shift, how.cutout),
            x, ROUNDINGS, i, reference_image(&f->set, f->pixels, f->order, first, &how, i));
    const int32_t *got = download(labels);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], f->labels[f->order[first + i]]);
}

/* The text that goes into checkpoints has the numbers that the network's input is made with. */
static void preprocessing(void **state) {
    (void)state;
    double mean, deviation;
    assert_int_equal(sscanf(VGGCL_PREPROCESSING, "(x/255 - %lf)/%lf", &mean, &deviation), 2);
    assert_true(mean == IMAGE_MEAN && deviation == IMAGE_DEVIATION);
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
    CHECK(image_batch(device, &set, upload(1, &order), 0, 1, &none, x, labels));
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
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &none, plain, labels));
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &how, x, labels));
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
        cmocka_unit_test(preprocessing), DEVICE_TEST(plain),       DEVICE_TEST(flipped),
        DEVICE_TEST(shifted_and_cut),    DEVICE_TEST(other_sizes), DEVICE_TEST(range),
        DEVICE_TEST(half_are_flipped),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
