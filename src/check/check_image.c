#include "check/check_image.h"
#include "check/operators.h"
#include "base/rng.h"
#include "data/dataset.h"

/* ----------------------------------------------------------------------------------------------------- reference -- */

static int reflected(int at, int side) {
    return at < 0 ? -at : at >= side ? 2 * (side - 1) - at : at;
}

/* Uniform in -most .. most. */
static int offset(uint32_t word, int most) {
    return (int)((uint64_t)word * (2 * (uint64_t)most + 1) >> 32) - most;
}

/* Whether `at` is in a square of cut pixels, whose middle is anywhere in `side`. */
static bool within(int at, uint32_t middle, int side, int cut) {
    int first = (int)(middle % (uint32_t)side) - cut / 2;
    return at >= first && at < first + cut;
}

struct sum reference_image(const struct image_set *set, const uint8_t *pixels, const int32_t *order, size_t first,
                           const struct normalisation *n, const struct augmentation *a, size_t i) {
    int height = (int)set->height, width = (int)set->width;
    size_t c = set->channels, plane = set->height * set->width;
    int32_t image = order[first + i / (plane * c)];
    int column = (int)(i / c % set->width), row = (int)(i / (c * set->width) % set->height);
    const uint32_t key[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
    const uint32_t counter[4] = {0, (uint32_t)image, a->epoch, RNG_AUGMENT};
    uint32_t words[4];
    rng_philox(counter, key, words);
    if (within(row, words[3] >> 16, height, a->cutout) && within(column, words[3] & 0xffff, width, a->cutout))
        return sum_of(0);
    row = reflected(row + offset(words[1], a->shift), height);
    column = reflected(column + offset(words[2], a->shift), width);
    if (a->mirror == MIRROR_ALWAYS || (a->mirror == MIRROR_RANDOM && words[0] & 1))
        column = width - 1 - column;
    size_t at = set->staged ? i / (plane * c) : (size_t)image;
    size_t pixel = (at * c + i % c) * plane + (size_t)row * set->width + (size_t)column;
    double mean = n->mean[i % c % NORMALISE_CHANNELS], deviation = n->deviation[i % c % NORMALISE_CHANNELS];
    struct sum x = sum_of(pixels[pixel] / (255 * deviation));
    sum_add(&x, -mean / deviation);
    return x;
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

static void compare_batches(struct rig *rig, struct conv_shape s, bool staged) {
    const uint64_t seed = 0xFEDCBA9876543210;
    const struct normalisation normal = {{0.485, 0.456, 0.406, 0.5}, {0.229, 0.224, 0.225, 0.5}};
    enum { FIRST = 3, EPOCH = 5, SHIFT = 4 };
    size_t image = s.h * s.w * s.c, count = s.n + FIRST, bytes = count * image, least = s.h < s.w ? s.h : s.w;
    uint8_t *pixels = rig_zeros(rig, bytes + 3);
    uint16_t *label = rig_zeros(rig, (count + 1) * sizeof *label);
    int32_t *order = rig_zeros(rig, 4 * count);
    for (size_t i = 0; rig->err == VGGCL_OK && i < bytes; i++)
        pixels[i] = (uint8_t)(rng_u32(&rig->random) >> 24);
    for (size_t i = 0; rig->err == VGGCL_OK && i < count; i++) {
        label[i] = (uint16_t)rng_below(&rig->random, DATA_MOST_CLASSES);
        order[i] = (int32_t)(count - 1 - i);
    }
    struct image_set set = {.count = count, .height = s.h, .width = s.w, .channels = s.c, .staged = staged};
    set.pixels = rig_upload(rig, (bytes + 3) / 4, pixels);
    set.labels = rig_upload(rig, (count + 1) / 2, label);
    struct tensor x = rig_poisoned_stored(rig, s.n * image), labels = rig_poisoned(rig, s.n);
    const struct augmentation augmentation = {MIRROR_RANDOM, least > SHIFT ? SHIFT : (int)least - 1, 8, seed, EPOCH};
    RIG_RUN(rig,
            image_batch(rig->dev, &set, rig_upload(rig, count, order), FIRST, s.n, &normal, &augmentation, x, labels));
    RIG_COMPARE(rig, "x", RIG_FLOATS, x, 5, i, reference_image(&set, pixels, order, FIRST, &normal, &augmentation, i));
    RIG_COMPARE(rig, "labels", RIG_INTEGERS, labels, 0, i, sum_exactly(label[staged ? (int32_t)i : order[FIRST + i]]));
}

static void image_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    compare_batches(rig, s, false);
}

static void staged_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    compare_batches(rig, s, true);
}

/* Grey and RGB images with odd sides. */
static const struct conv_shape odd_images[] = {
    {.n = 3, .h = 9, .w = 13, .c = 1}, {.n = 2, .h = 11, .w = 9, .c = 3}, {0}};

const struct check image_checks[] = {
    {.name = "images, augmented",
     .kernels = "image/image_batch",
     .uses = IMAGES,
     .run = image_batches,
     .first = true,
     .shapes = odd_images},
    {.name = "images, staged", .kernels = "image/image_batch", .uses = IMAGES, .run = staged_batches, .first = true},
    {0},
};
