#include "check/check_image.h"
#include "check/operators.h"
#include "base/rng.h"
#include "data/dataset.h"

#include <math.h>

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

size_t reference_image_index(const struct image_source *source, size_t position) {
    return source->set->staged ? position : (size_t)source->order[position];
}

/* An image of the set, how it is augmented, and the random words for that. */
struct view {
    const struct image_source *source;
    const struct augmentation *how;
    size_t index; /* in the image set */
    uint32_t geometry[4], colours[4], box[4];
};

static struct view view_of(const struct image_source *source, const struct augmentation *a, size_t position) {
    struct view v = {.source = source, .how = a, .index = reference_image_index(source, position)};
    const uint32_t key[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)}, image = (uint32_t)source->order[position];
    rng_philox((const uint32_t[4]){0, image, a->epoch, RNG_AUGMENT}, key, v.geometry);
    rng_philox((const uint32_t[4]){1, image, a->epoch, RNG_AUGMENT}, key, v.colours);
    rng_philox((const uint32_t[4]){2, image, a->epoch, RNG_AUGMENT}, key, v.box);
    return v;
}

static double uniform(uint32_t word) {
    return (word >> 8) * 0x1p-24;
}

static double byte_of(const struct view *v, size_t channel, size_t pixel) {
    const struct image_set *set = v->source->set;
    return v->source->pixels[(v->index * set->channels + channel) * set->height * set->width + pixel];
}

/* The share of a channel in the grey of a pixel. */
static double grey_share(size_t channel, size_t channels) {
    static const double shares[3] = {0.2989, 0.587, 0.114};
    return channels == 3 ? shares[channel] : 1 / (double)channels;
}

static double mean_grey(const struct image_set *set, const uint8_t *image) {
    size_t plane = set->height * set->width;
    double sum = 0;
    for (size_t channel = 0; channel < set->channels; channel++)
        for (size_t pixel = 0; pixel < plane; pixel++)
            sum += grey_share(channel, set->channels) * image[channel * plane + pixel];
    return sum / (double)plane;
}

void reference_image_greys(const struct image_set *set, const uint8_t *pixels, double *grey) {
    for (size_t i = 0; i < set->count; i++)
        grey[i] = mean_grey(set, pixels + i * set->channels * set->height * set->width);
}

/* Where the middle of pixel `at` of `side` is in a box of this length, whose place is drawn by `word`. */
static double in_box(double length, uint32_t word, int at, size_t side) {
    double longest = (double)side, used = fmin(length, longest);
    double position = uniform(word) * (longest - used) + (at + 0.5) * used / longest - 0.5;
    return fmin(fmax(position, 0), longest - 1);
}

/* A value of the image in 0..255, or of the box that is stretched over it. A position in the box has a rounding error
 * in proportion to the image's side, and a value changes by up to 255 from pixel to pixel. */
static struct sum sampled(const struct view *v, int row, int column, size_t channel) {
    size_t h = v->source->set->height, w = v->source->set->width;
    if (v->how->resized_crop <= 0)
        return sum_of(byte_of(v, channel, (size_t)row * w + (size_t)column));
    double area = v->how->resized_crop + (1 - v->how->resized_crop) * uniform(v->box[0]);
    double ratio = pow(4.0 / 3, 2 * uniform(v->box[1]) - 1), pixels = area * (double)(h * w);
    double y = in_box(sqrt(pixels / ratio), v->box[2], row, h), x = in_box(sqrt(pixels * ratio), v->box[3], column, w);
    struct sum value = {0, 255 * (double)(h + w)};
    for (size_t tap_row = (size_t)y; tap_row <= (size_t)y + 1 && tap_row < h; tap_row++)
        for (size_t tap = (size_t)x; tap <= (size_t)x + 1 && tap < w; tap++)
            sum_add(&value, (1 - fabs(y - (double)tap_row)) * (1 - fabs(x - (double)tap)) *
                                byte_of(v, channel, tap_row * w + tap));
    return value;
}

static struct sum blend(double share, struct sum value, struct sum other) {
    return (struct sum){fmin(fmax(share * value.value + (1 - share) * other.value, 0), 255),
                        share * value.magnitude + fabs(1 - share) * other.magnitude};
}

static double factor(const struct view *v, int word) {
    return 1 + v->how->color_jitter * (2 * uniform(v->colours[word]) - 1);
}

static struct sum before_saturation(const struct view *v, struct sum mean, int row, int column, size_t channel) {
    struct sum value = blend(factor(v, 1), sampled(v, row, column, channel), mean);
    return blend(factor(v, 0), value, sum_of(0));
}

/* The same with its colours changed. */
static struct sum coloured(const struct view *v, int row, int column, size_t channel) {
    size_t channels = v->source->set->channels;
    if (v->how->color_jitter <= 0)
        return sampled(v, row, column, channel);
    struct sum mean = sum_of(v->source->grey[v->index]), value = before_saturation(v, mean, row, column, channel),
               grey = {0, 0};
    for (size_t k = 0; k < channels; k++) {
        struct sum part = before_saturation(v, mean, row, column, k);
        grey.value += grey_share(k, channels) * part.value;
        grey.magnitude += grey_share(k, channels) * part.magnitude;
    }
    return channels == 3 ? blend(factor(v, 2), value, grey) : value;
}

static bool is_cut(const struct view *v, int row, int column) {
    const struct image_set *set = v->source->set;
    uint32_t middle = v->geometry[3];
    return within(row, middle >> 16, (int)set->height, v->how->cutout) &&
           within(column, middle & 0xffff, (int)set->width, v->how->cutout);
}

/* A value of the augmented image, normalised. */
static struct sum viewed(const struct view *v, int row, int column, size_t channel) {
    int height = (int)v->source->set->height, width = (int)v->source->set->width;
    enum mirror mirror = v->how->mirror;
    if (is_cut(v, row, column))
        return sum_of(0);
    row = reflected(row + offset(v->geometry[1], v->how->shift), height);
    column = reflected(column + offset(v->geometry[2], v->how->shift), width);
    if (mirror == MIRROR_ALWAYS || (mirror == MIRROR_RANDOM && v->geometry[0] & 1))
        column = width - 1 - column;
    const struct normalisation *n = v->source->normalisation;
    double mean = n->mean[channel % NORMALISE_CHANNELS], deviation = n->deviation[channel % NORMALISE_CHANNELS];
    struct sum value = coloured(v, row, column, channel);
    value.value /= 255 * deviation;
    value.magnitude /= 255 * deviation;
    sum_add(&value, -mean / deviation);
    return value;
}

/* Whether there is a partner's value at this position. */
static bool is_mixed(const struct mix *m, int row, int column) {
    return row >= m->top && row < m->bottom && column >= m->left && column < m->right;
}

struct sum reference_image(const struct image_source *source, size_t first, const struct augmentation *a, size_t i) {
    const struct image_set *set = source->set;
    size_t c = set->channels, plane = set->height * set->width;
    int column = (int)(i / c % set->width), row = (int)(i / (c * set->width) % set->height);
    size_t position = first + i / (plane * c);
    const struct view own = view_of(source, a, position);
    struct sum value = viewed(&own, row, column, i % c);
    if (!is_mixed(&a->mix, row, column))
        return value;
    const struct view partner = view_of(source, a, a->mix.ends - position);
    struct sum other = viewed(&partner, row, column, i % c);
    return (struct sum){a->mix.inside * value.value + (1 - a->mix.inside) * other.value,
                        a->mix.inside * value.magnitude + (1 - a->mix.inside) * other.magnitude};
}

/* Normalising takes 5. A blend takes 6: a factor is rounded three times, then come two products and a sum. The greys
 * are sums over the channels, that of the image also over its rows.
 * A box's side takes 10 (exp 3, square root 3, quotient 3, products and clamp 1), its place and a position in it 3 more
 * each, and interpolation 6. Mixing takes 4. */
double reference_image_roundings(const struct image_set *set, const struct augmentation *a) {
    double greys = 2 * (double)set->channels + (double)set->height + 4;
    return 5 + (a->color_jitter > 0 ? 3 * 6 + greys : 0) + (a->resized_crop > 0 ? 22 : 0) + (a->mix.ends ? 4 : 0);
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* As many images as s.n and some before them, in reverse order. */
enum { FIRST = 3 };

struct images {
    struct image_set set;
    uint8_t *pixels;
    uint16_t *label;
    int32_t *order;
};

static struct images random_images(struct rig *rig, struct conv_shape s, bool staged) {
    size_t count = s.n + FIRST, bytes = count * s.h * s.w * s.c;
    struct images m = {.set = {.count = count, .height = s.h, .width = s.w, .channels = s.c, .staged = staged},
                       .pixels = rig_zeros(rig, bytes + 3),
                       .label = rig_zeros(rig, (count + 1) * sizeof(uint16_t)),
                       .order = rig_zeros(rig, 4 * count)};
    for (size_t i = 0; rig->err == VGGCL_OK && i < bytes; i++)
        m.pixels[i] = (uint8_t)(rng_u32(&rig->random) >> 24);
    for (size_t i = 0; rig->err == VGGCL_OK && i < count; i++) {
        m.label[i] = (uint16_t)rng_below(&rig->random, DATA_MOST_CLASSES);
        m.order[i] = (int32_t)(count - 1 - i);
    }
    m.set.pixels = rig_upload(rig, (bytes + 3) / 4, m.pixels);
    m.set.labels = rig_upload(rig, (count + 1) / 2, m.label);
    return m;
}

static void check_images(struct rig *rig, struct conv_shape s, bool staged, const struct augmentation *how) {
    const struct normalisation normal = {{0.485, 0.456, 0.406, 0.5}, {0.229, 0.224, 0.225, 0.5}};
    struct images m = random_images(rig, s, staged);
    double *grey = rig_zeros(rig, m.set.count * sizeof *grey);
    const struct image_source source = {&m.set, m.pixels, grey, m.order, &normal};
    const struct image_tensors to = {.x = rig_poisoned_stored(rig, s.n * s.h * s.w * s.c),
                                     .label = rig_poisoned(rig, s.n),
                                     .partner_label = rig_poisoned(rig, s.n),
                                     .grey = rig_poisoned(rig, 2 * s.n * s.h)};
    struct tensor order = rig_upload(rig, m.set.count, m.order);
    if (rig->err == VGGCL_OK)
        reference_image_greys(&m.set, m.pixels, grey);
    RIG_RUN(rig, image_batch(rig->dev, &m.set, order, FIRST, s.n, &normal, how, &to));
    RIG_COMPARE(rig, "x", RIG_FLOATS, to.x, reference_image_roundings(&m.set, how), i,
                reference_image(&source, FIRST, how, i));
    RIG_COMPARE(rig, "labels", RIG_INTEGERS, to.label, 0, i,
                sum_exactly(m.label[reference_image_index(&source, FIRST + i)]));
    if (how->mix.ends)
        RIG_COMPARE(rig, "the partners' labels", RIG_INTEGERS, to.partner_label, 0, i,
                    sum_exactly(m.label[reference_image_index(&source, how->mix.ends - FIRST - i)]));
}

static struct augmentation usual(struct conv_shape s) {
    enum { SHIFT = 4 };
    size_t least = s.h < s.w ? s.h : s.w;
    return (struct augmentation){.mirror = MIRROR_RANDOM,
                                 .shift = least > SHIFT ? SHIFT : (int)least - 1,
                                 .cutout = 8,
                                 .seed = 0xFEDCBA9876543210,
                                 .epoch = 5};
}

static void image_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    const struct augmentation how = usual(s);
    check_images(rig, s, false, &how);
}

static void jittered_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    struct augmentation how = usual(s);
    how.color_jitter = 0.4;
    check_images(rig, s, false, &how);
}

static void resized_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    struct augmentation how = usual(s);
    how.resized_crop = 0.25;
    check_images(rig, s, false, &how);
}

/* The last s.n images of a batch of s.n + 1, so that the first one's partner is among them, but not it itself. */
static struct augmentation mixing(struct conv_shape s) {
    struct augmentation how = usual(s);
    how.color_jitter = 0.4;
    how.mix = (struct mix){.bottom = (int)s.h, .right = (int)s.w, .inside = 0.3, .ends = 2 * (FIRST - 1) + s.n};
    return how;
}

static void mixed_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    struct augmentation how = mixing(s);
    check_images(rig, s, false, &how);
    how.mix.top = (int)s.h / 2;
    how.mix.left = (int)s.w / 2;
    how.mix.inside = 0;
    check_images(rig, s, false, &how);
}

static void staged_batches(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    struct augmentation how = usual(s);
    check_images(rig, s, true, &how);
    how = mixing(s);
    check_images(rig, s, true, &how);
}

/* Grey and RGB images with odd sides. */
static const struct conv_shape odd_images[] = {
    {.n = 3, .h = 9, .w = 13, .c = 1}, {.n = 2, .h = 11, .w = 9, .c = 3}, {0}};

/* A row of image_checks[]. */
#define IMAGE_CHECK(title, of_kernels, how)                                                                            \
    {.name = title, .kernels = of_kernels, .uses = IMAGES, .run = how, .first = true, .shapes = odd_images}

const struct check image_checks[] = {
    IMAGE_CHECK("images, augmented", "image/image_batch", image_batches),
    IMAGE_CHECK("images, colours changed", "image/image_grey", jittered_batches),
    IMAGE_CHECK("images, boxes resized", "image/image_batch", resized_batches),
    IMAGE_CHECK("images, mixed", "image/image_batch", mixed_batches),
    IMAGE_CHECK("images, staged", "image/image_batch", staged_batches),
    {0},
};
