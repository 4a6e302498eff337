/* Batches of images made from bytes, with and without augmentation. */
#include "common.h"

#include "check/check_image.h"
#include "ops/image.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 101, MOST_CLASSES = 65536 };
#define SEED 0xFEDCBA9876543210

/* Different in each channel. */
static const struct normalisation uneven = {{0.485, 0.1, -1, 0}, {0.229, 1.0 / 3, 2, 1e-3}};

static const struct augmentation none = {.seed = SEED}, mirrored_at_random = {.mirror = MIRROR_RANDOM, .seed = SEED};

/* What the images are. */
struct size {
    size_t h, w, c;
};
static const struct size cifar = {32, 32, 3};

/* Tests of several sizes begin with CIFAR's, which takes a minute where kernels are interpreted. */
static size_t first_size(void) {
    return interpreted() ? 1 : 0;
}

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

static struct image_tensors room(const struct fixture *f, size_t n) {
    return (struct image_tensors){poisoned(n * f->image), poisoned(n), poisoned(n), poisoned(2 * n * f->set.height)};
}

static void check_normalised(const struct fixture *f, size_t first, size_t n, const struct normalisation *normal,
                             struct augmentation how, uint32_t epoch) {
    const struct image_tensors to = room(f, n);
    double *grey = zeros(COUNT * sizeof *grey);
    const struct image_source source = {&f->set, f->pixels, grey, f->order, normal};
    reference_image_greys(&f->set, f->pixels, grey);
    how.seed = SEED;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, first, n, normal, &how, &to));
    COMPARE(text("%zu images of %zux%zux%zu from %zu, epoch %u, mirror %d, shift %d, cutout %d, colours %g, box %g, "
                 "mixed %d..%d",
                 n, f->set.height, f->set.width, f->set.channels, first, epoch, how.mirror, how.shift, how.cutout,
                 how.color_jitter, how.resized_crop, how.mix.top, how.mix.bottom),
            to.x, reference_image_roundings(&f->set, &how), i, reference_image(&source, first, &how, i));
    const int32_t *got = download(to.label);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(got[i], f->labels[f->order[first + i]]);
    const int32_t *partner = download(to.partner_label);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(partner[i], how.mix.ends ? f->labels[f->order[how.mix.ends - first - i]] : (int32_t)POISON);
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
    for (size_t i = first_size(); i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        check_normalised(&f, 5, 13, &uneven, none, 1);
        check_normalised(&f, 5, 13, &uneven, (struct augmentation){.mirror = MIRROR_RANDOM, .shift = 1, .cutout = 2},
                         7);
        check_normalised(&f, 5, 13, &uneven, (struct augmentation){.cutout = 2, .color_jitter = 0.5}, 7);
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

/* Colours change with everything else, on all sizes; from hardly to as much as possible. */
static void colours(void **state) {
    (void)state;
    static const struct size sizes[] = {{32, 32, 3}, {5, 9, 3}, {28, 28, 1}, {3, 17, 4}, {1, 1, 3}};
    static const double jitters[] = {0.01, 0.4, 1};
    for (size_t i = first_size(); i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        for (size_t k = 0; k < sizeof jitters / sizeof *jitters; k++)
            check_batch(&f, 5, interpreted() ? 2 : 20, (struct augmentation){.color_jitter = jitters[k]}, 7);
        check_batch(&f, 5, 3,
                    (struct augmentation){
                        .mirror = MIRROR_RANDOM, .shift = (int)sizes[i].h / 2, .cutout = 2, .color_jitter = 1},
                    8);
    }
}

/* Of images of a single grey only the brightness changes: by factors that are uniform in 0.5 to 1.5. */
static void brightness(void **state) {
    (void)state;
    enum { GREY = 100, WHITE = 255 };
    struct fixture f = make((struct size){2, 2, 1});
    double sum = 0, least = 2, most = 0;
    memset(f.pixels, GREY, COUNT * f.image);
    f.set.pixels = upload_bytes(COUNT * f.image, f.pixels);
    const struct image_tensors to = room(&f, COUNT);
    const struct augmentation how = {.seed = SEED, .color_jitter = 0.5};
    CHECK(image_batch(device, &f.set, f.order_device, 0, COUNT, &normalisation_half, &how, &to));
    const float *got = download(to.x);
    for (int i = 0; i < COUNT; i++) {
        double factor = (got[4 * i] / 2 + 0.5) * WHITE / GREY;
        for (int k = 1; k < 4; k++)
            assert_float_equal(got[4 * i + k], got[4 * i], 1e-6f);
        sum += factor;
        least = factor < least ? factor : least;
        most = factor > most ? factor : most;
    }
    assert_true(least >= 0.5 - 1e-6 && least < 0.6 && most > 1.4 && most <= 1.5 + 1e-6);
    assert_float_equal(sum / COUNT, 1, 0.1); /* the standard deviation of the mean is 0.03 */
}

static void resized(void **state) {
    (void)state;
    static const struct size sizes[] = {{32, 32, 3}, {5, 9, 3}, {64, 7, 1}, {1, 1, 1}, {2, 17, 4}};
    static const double areas[] = {0.001, 0.08, 0.5, 1};
    for (size_t i = first_size(); i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        for (size_t k = 0; k < sizeof areas / sizeof *areas; k++)
            check_batch(&f, 5, interpreted() ? 2 : 20, (struct augmentation){.resized_crop = areas[k]}, 7);
        const struct augmentation all = {.mirror = MIRROR_RANDOM,
                                         .shift = ((int)sizes[i].h - 1) / 2,
                                         .cutout = 2,
                                         .color_jitter = 0.5,
                                         .resized_crop = 0.3};
        check_batch(&f, 5, 3, all, 8);
    }
}

/* A side of a box in pixels, from the difference of the two middle values of a ramp of `step` per pixel. */
static double side(const float *x, size_t stride, int pixels, double step) {
    return (x[pixels / 2 * stride] - x[(pixels / 2 - 1) * stride]) * 127.5 / step * pixels;
}

/* On ramps, bilinear interpolation is exact: each image shows its box's sides, which must be within their ranges. */
static void boxes(void **state) {
    (void)state;
    enum { SIDE = 32, STEP = 8, SMALLEST = SIDE * SIDE / 4 };
    if (interpreted())
        skip(); /* `resized` has each of the kernel's lines */
    struct fixture f = make((struct size){SIDE, SIDE, 2});
    double sum = 0, least = SIDE * SIDE, most = 0;
    for (size_t i = 0; i < COUNT * f.image; i++) /* channel 0 rises with the rows, channel 1 with the columns */
        f.pixels[i] = (uint8_t)(STEP * (i / (SIDE * SIDE) % 2 ? i % SIDE : i / SIDE % SIDE));
    f.set.pixels = upload_bytes(COUNT * f.image, f.pixels);
    const struct image_tensors to = room(&f, COUNT);
    const struct augmentation how = {.seed = SEED, .resized_crop = 0.25};
    CHECK(image_batch(device, &f.set, f.order_device, 0, COUNT, &normalisation_half, &how, &to));
    const float *got = download(to.x);
    for (size_t i = 0; i < COUNT; i++) {
        const float *image = got + i * f.image;
        size_t row = 2 * SIDE;
        double high = side(image + SIDE, row, SIDE, STEP), wide = side(image + SIDE / 2 * row + 1, 2, SIDE, STEP);
        double area = high * wide, ratio = wide / high;
        assert_true(high <= SIDE + 0.01 && wide <= SIDE + 0.01);
        assert_true(ratio > 0.749 && ratio < 1.334);
        assert_true(area > SMALLEST - 1 && area < SIDE * SIDE + 1);
        sum += area;
        least = area < least ? area : least;
        most = area > most ? area : most;
    }
    assert_true(least < 1.3 * SMALLEST && most > 3.5 * SMALLEST);
    assert_float_equal(sum / COUNT / SMALLEST, 2.45, 0.3); /* 2.5, less what is cut off sides that are too long */
}

/* A whole batch, with partners that are in it; a part of a batch, with partners before it; each augmented by its own
 * random numbers, and mixed everywhere, or in a box to its corners. */
static void mixed(void **state) {
    (void)state;
    static const struct size sizes[] = {{32, 32, 3}, {5, 9, 1}, {1, 1, 2}};
    for (size_t i = first_size(); i < sizeof sizes / sizeof *sizes; i++) {
        int h = (int)sizes[i].h, w = (int)sizes[i].w;
        const struct mix mixes[] = {{0, 0, h, w, 0.7, 0.7, 0}, {0, 0, h, w, 0, 0, 0}, {h / 3, w / 2, h, w, 0, 0.5, 0}};
        struct fixture f = make(sizes[i]);
        for (size_t k = 0; k < sizeof mixes / sizeof *mixes; k++) {
            struct augmentation how = {.mirror = MIRROR_RANDOM, .shift = (h < w ? h : w) / 2, .cutout = 2};
            how.mix = mixes[k];
            how.mix.ends = 2 * 10 + 9 - 1;
            check_batch(&f, 10, interpreted() ? 2 : 9, how, 3);
            how.color_jitter = how.resized_crop = 0.5;
            check_batch(&f, 16, 3, how, 3);
            check_normalised(&f, 16, 3, &uneven, how, 3);
        }
    }
}

/* The images of a batch and their partners alone, in the order that stage.h gives them, are the same bits as with the
 * whole data set. */
static void staged(void **state) {
    (void)state;
    enum { FIRST = 16, N = 5, ENDS = 60 };
    static const struct size sizes[] = {{32, 32, 3}, {5, 9, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture f = make(sizes[i]);
        uint8_t *pixels = zeros(2 * N * f.image);
        uint16_t labels[2 * N];
        int32_t order[2 * N];
        for (size_t k = 0; k < 2 * N; k++) {
            order[k] = f.order[k < N ? FIRST + k : ENDS - FIRST - (N - 1) + (k - N)];
            labels[k] = f.labels[order[k]];
            memcpy(pixels + k * f.image, f.pixels + (size_t)order[k] * f.image, f.image);
        }
        struct image_set set = f.set;
        set.pixels = upload_bytes(2 * N * f.image, pixels);
        set.labels = upload_bytes(sizeof labels, labels);
        set.staged = true;
        struct augmentation how = {.mirror = MIRROR_RANDOM, .shift = 2, .cutout = 2, .seed = SEED, .epoch = 2};
        for (int mixes = 0; mixes < 2; mixes++) {
            how.color_jitter = how.resized_crop = 0.5;
            how.mix = (struct mix){0, 0, mixes * (int)sizes[i].h, (int)sizes[i].w, 0.3, 0.3, ENDS};
            const struct image_tensors whole = room(&f, N), part = room(&f, N);
            CHECK(image_batch(device, &f.set, f.order_device, FIRST, N, &uneven, &how, &whole));
            how.mix.ends = 2 * N - 1;
            CHECK(image_batch(device, &set, upload(2 * N, order), 0, N, &uneven, &how, &part));
            assert_memory_equal(download(part.x), download(whole.x), N * f.image * sizeof(float));
            assert_memory_equal(download(part.label), download(whole.label), N * sizeof(int32_t));
            assert_memory_equal(download(part.partner_label), download(whole.partner_label), N * sizeof(int32_t));
        }
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
    const struct image_tensors to = {poisoned(IMAGE), poisoned(1), poisoned(1), poisoned(2 * 32)};
    CHECK(image_batch(device, &set, upload(1, &order), 0, 1, &normalisation_half, &none, &to));
    const float *got = download(to.x);
    for (int i = 0; i < IMAGE; i++)
        assert_true(got[i] == (i / 3 % 2 ? 1.0f : -1.0f));
    assert_int_equal(*(int32_t *)download(to.label), 9);
}

/* Which of all images a batch of them all holds mirrored: those that differ from the plain ones. */
static bool *mirrored(const struct fixture *f, uint32_t epoch) {
    const struct image_tensors plain = room(f, COUNT), flipped = room(f, COUNT);
    bool *is = zeros(COUNT * sizeof *is);
    struct augmentation how = mirrored_at_random;
    how.epoch = epoch;
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &normalisation_half, &none, &plain));
    CHECK(image_batch(device, &f->set, f->order_device, 0, COUNT, &normalisation_half, &how, &flipped));
    const float *before = download(plain.x), *after = download(flipped.x);
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
        cmocka_unit_test(preprocessing),
        DEVICE_TEST(plain),
        DEVICE_TEST(flipped),
        DEVICE_TEST(shifted_and_cut),
        DEVICE_TEST(other_sizes),
        DEVICE_TEST(normalised),
        cmocka_unit_test(measured),
        DEVICE_TEST(colours),
        DEVICE_TEST(brightness),
        DEVICE_TEST(resized),
        DEVICE_TEST(boxes),
        DEVICE_TEST(mixed),
        DEVICE_TEST(staged),
        DEVICE_TEST(range),
        DEVICE_TEST(half_are_flipped),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
