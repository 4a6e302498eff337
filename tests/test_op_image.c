/* Batches of images out of bytes, as they are and augmented. */
#include "common.h"

#include "ops/image.h"

#include <string.h>

enum { COUNT = 101, SIDE = 32, PLANE = SIDE * SIDE, IMAGE = 3 * PLANE, ROUNDINGS = 5 };
#define SEED 0xFEDCBA9876543210

static const struct augmentation none = {.seed = SEED}, by_coin = {.mirror = MIRROR_BY_COIN, .seed = SEED};

struct fixture {
    uint8_t *pixels, labels[COUNT];
    int32_t order[COUNT];
    struct image_set set;
    struct tensor order_device;
};

/* Random images, in the order of 7, 14, ... modulo their number. */
static struct fixture make(void) {
    struct fixture f = {.pixels = zeros((size_t)COUNT * IMAGE)};
    struct rng r = rng_sequence(5, RNG_SYNTH, 0);
    for (size_t i = 0; i < (size_t)COUNT * IMAGE; i++)
        f.pixels[i] = (uint8_t)(rng_u32(&r) >> 24);
    for (int i = 0; i < COUNT; i++) {
        f.labels[i] = (uint8_t)rng_below(&r, 10);
        f.order[i] = (int32_t)((i + 1) * 7 % COUNT);
    }
    f.set = (struct image_set){COUNT, upload_bytes((size_t)COUNT * IMAGE, f.pixels), upload_bytes(COUNT, f.labels)};
    f.order_device = upload(COUNT, f.order);
    return f;
}

static void check_batch(const struct fixture *f, size_t first, size_t n, struct augmentation how, uint32_t epoch) {
    struct tensor x = poisoned(n * IMAGE), labels = poisoned(n);
    how.seed = SEED;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, first, n, &how, x, labels));
    COMPARE(text("%zu images from %zu, epoch %u, mirror %d, shift %d, cutout %d", n, first, epoch, how.mirror,
                 how.shift, how.cutout),
            x, ROUNDINGS, i, reference_image(f->pixels, f->order, first, &how, i));
    const int32_t *got = download(labels);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], f->labels[f->order[first + i]]);
}

static void plain(void **state) {
    (void)state;
    struct fixture f = make();
    check_batch(&f, 0, 1, none, 1);
    check_batch(&f, 50, 3, none, 1);
    check_batch(&f, COUNT - 13, 13, none, 2);
}

static void flipped(void **state) {
    (void)state;
    struct fixture f = make();
    check_batch(&f, 0, interpreted() ? 7 : COUNT, by_coin, 1);
    check_batch(&f, 0, 13, by_coin, 2);
    check_batch(&f, 57, 1, by_coin, 300);
    check_batch(&f, 57, 3, (struct augmentation){.mirror = MIRROR_ALWAYS}, 1);
}

/* Up to the largest shifts, and squares from a pixel to more than the image. */
static void shifted_and_cut(void **state) {
    (void)state;
    static const struct augmentation cases[] = {
        {.shift = 1},  {.shift = 4},   {.shift = 31},  {.cutout = 1},
        {.cutout = 8}, {.cutout = 33}, {.cutout = 64}, {.mirror = MIRROR_BY_COIN, .shift = 4, .cutout = 12}};
    struct fixture f = make();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_batch(&f, 5, interpreted() ? 3 : COUNT - 5, cases[i], 7);
}

/* The two ends of a byte are exactly -1 and 1. */
static void range(void **state) {
    (void)state;
    uint8_t *pixels = zeros(IMAGE);
    for (int i = 0; i < IMAGE; i++)
        pixels[i] = (uint8_t)(i % 2 ? 255 : 0);
    const uint8_t label = 9;
    const int32_t order = 0;
    struct image_set set = {1, upload_bytes(IMAGE, pixels), upload_bytes(1, &label)};
    struct tensor x = poisoned(IMAGE), labels = poisoned(1);
    CHECK(image_batch(device, &set, upload(1, &order), 0, 1, &none, x, labels));
    const float *got = download(x);
    for (int i = 0; i < IMAGE; i++)
        assert_true(got[i] == (i / 3 % 2 ? 1.0f : -1.0f));
    assert_int_equal(*(int32_t *)download(labels), 9);
}

/* Which of all images a batch of them all holds mirrored: those that differ from the plain ones. */
static bool *mirrored(const struct fixture *f, uint32_t epoch) {
    struct tensor plain = poisoned(COUNT * IMAGE), x = poisoned(COUNT * IMAGE), labels = poisoned(COUNT);
    bool *is = zeros(COUNT * sizeof *is);
    struct augmentation how = by_coin;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &none, plain, labels));
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &how, x, labels));
    const float *before = download(plain), *after = download(x);
    for (size_t i = 0; i < COUNT; i++)
        is[i] = memcmp(before + i * IMAGE, after + i * IMAGE, IMAGE * sizeof(float)) != 0;
    return is;
}

/* The standard deviation of both counts is 5. */
static void half_are_flipped(void **state) {
    (void)state;
    if (interpreted())
        skip();
    struct fixture f = make();
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
        DEVICE_TEST(plain), DEVICE_TEST(flipped),          DEVICE_TEST(shifted_and_cut),
        DEVICE_TEST(range), DEVICE_TEST(half_are_flipped),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
