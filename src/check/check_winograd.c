#include "check/check_winograd.h"
#include "check/check_conv.h"
#include "check/operators.h"
#include "ops/conv/winograd.h"

#include <math.h>

/* ----------------------------------------------------------------------------------------------------- reference -- */

/* The matrices of the 1-D algorithm y = A' [(G g) * (B' d)], row by row: Lavin and Gray, "Fast algorithms for
 * convolutional neural networks" (2016), section 4. */
static const double bt2[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1};
static const double g2[] = {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1};
static const double at2[] = {1, 1, 1, 0, 0, 1, -1, -1};
static const double bt4[] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                             0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const double g4[] = {1. / 4,  0,       0,      -1. / 6, -1. / 6,  -1. / 6, -1. / 6, 1. / 6, -1. / 6,
                            1. / 24, 1. / 12, 1. / 6, 1. / 24, -1. / 12, 1. / 6,  0,       0,      1};
static const double at4[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0, 0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

/* For d of two values between zeros, which are left out. */
static const double bt_lone[] = {1, 1, 0, 1, 1, 0};
static const double g_lone[] = {0, 1, 0, 0, -1, 1, 1, -1, 0};
static const double at_lone[] = {1, 1, 0, 1, 0, 1};

/* By alpha. A tile of tile x tile outputs reads `halo` more pixels on each side. */
static const struct winograd_form {
    size_t tile, halo;
    const double *bt, *g, *at;
} forms[] = {[WINOGRAD_LONE] = {2, 0, bt_lone, g_lone, at_lone},
             [WINOGRAD_F2] = {2, 1, bt2, g2, at2},
             [WINOGRAD_F4] = {4, 1, bt4, g4, at4}};

/* A view of a matrix, as it is or transposed: `down` and `across` are the strides of its rows and columns. */
struct transform {
    const double *m;
    size_t columns, down, across;
};

static struct transform transform(const double *m, size_t columns) {
    return (struct transform){m, columns, columns, 1};
}

static struct transform transposed(const double *m, size_t rows, size_t columns) {
    return (struct transform){m, rows, 1, columns};
}

/* The factor of element j of a square `in` for element i of M in M', which is rows x rows. */
static double factor(struct transform t, size_t rows, size_t i, size_t j) {
    return t.m[i / rows * t.down + j / t.columns * t.across] * t.m[i % rows * t.down + j % t.columns * t.across];
}

/* The words between the matrices of two points: zeros, which no kernel overwrites. */
static const struct sum gap = {0, 0};

/* Element i of [point][tile][channel], the transform of squares of images that begin `halo` pixels before the tiles. */
static struct sum to_point(struct transform t, int alpha, struct conv_shape s, size_t channels, size_t halo,
                           const float *images, size_t i) {
    size_t side = forms[alpha].tile, tiles_w = (s.w + side - 1) / side, tiles = winograd_tiles(alpha, s.h, s.w);
    size_t words = winograd_point_words(s.n * tiles, channels), point = i / words;
    size_t channel = i % words % channels, number = i % words / channels;
    if (number >= s.n * tiles)
        return gap;
    struct sum v = {0, 0};
    for (size_t j = 0; j < t.columns * t.columns; j++) {
        long row = (long)(number % tiles / tiles_w * side + j / t.columns) - (long)halo;
        long column = (long)(number % tiles % tiles_w * side + j % t.columns) - (long)halo;
        if (row >= 0 && row < (long)s.h && column >= 0 && column < (long)s.w)
            sum_add(&v, factor(t, (size_t)alpha, point, j) *
                            images[((number / tiles * s.h + (size_t)row) * s.w + (size_t)column) * channels + channel]);
    }
    return v;
}

/* Element `column` of output i of rows * rows, from the same element of inputs that are `step` words apart. */
static struct sum of_points(struct transform t, size_t rows, size_t step, const float *in, size_t i, size_t column) {
    struct sum out = {0, 0};
    for (size_t j = 0; j < t.columns * t.columns; j++)
        sum_add(&out, factor(t, rows, i, j) * in[j * step + column]);
    return out;
}

struct sum reference_winograd_input(int alpha, struct conv_shape s, const float *x, size_t i) {
    const struct winograd_form *f = &forms[alpha];
    return to_point(transform(f->bt, f->tile + 2 * f->halo), alpha, s, s.c, f->halo, x, i);
}

struct sum reference_winograd_gradient(int alpha, struct conv_shape s, const float *dy, size_t i) {
    const struct winograd_form *f = &forms[alpha];
    return to_point(transposed(f->at, f->tile, (size_t)alpha), alpha, s, s.o, 0, dy, i);
}

struct sum reference_winograd_output(int alpha, struct conv_shape s, const float *m, const float *bias, size_t i) {
    size_t side = forms[alpha].tile, tiles_w = (s.w + side - 1) / side, tiles = winograd_tiles(alpha, s.h, s.w);
    size_t o = i % s.o, column = i / s.o % s.w, row = i / s.o / s.w % s.h, image = i / s.o / s.w / s.h;
    size_t number = image * tiles + row / side * tiles_w + column / side;
    struct sum y = of_points(transform(forms[alpha].at, (size_t)alpha), side, winograd_point_words(s.n * tiles, s.o), m,
                             row % side * side + column % side, number * s.o + o);
    sum_add(&y, bias ? bias[o] : 0);
    return y;
}

struct sum reference_winograd_weight(int alpha, size_t c, size_t o, const float *weight, size_t i) {
    size_t words = winograd_point_words(c, o);
    if (i % words >= c * o)
        return gap;
    return of_points(transform(forms[alpha].g, 3), (size_t)alpha, c * o, weight, i / words, i % words);
}

struct sum reference_winograd_weight_gradient(int alpha, size_t c, size_t o, const float *du, size_t i) {
    return of_points(transposed(forms[alpha].g, (size_t)alpha, 3), 3, winograd_point_words(c, o), du, i / (c * o),
                     i % (c * o));
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* A 1-D transform adds at most 5 terms, with rounded coefficients; there are two of them, and a bias. */
enum { TRANSFORM_ROUNDINGS = 16 };

static size_t all_points(const struct check *check, size_t rows, size_t columns) {
    return winograd_points(check->algorithm->alpha) * winograd_point_words(rows, columns);
}

static size_t tiles_of(const struct check *check, struct conv_shape s) {
    return s.n * winograd_tiles(check->algorithm->alpha, s.h, s.w);
}

/* A transformed array to be written: at each point a matrix of rows x columns, poisoned, with zeros in the gaps. */
static struct tensor poisoned_points(struct rig *rig, const struct check *check, size_t rows, size_t columns) {
    size_t count = all_points(check, rows, columns), words = winograd_point_words(rows, columns);
    float *poison = rig_floats(rig, count, 0, 1);
    for (size_t i = 0; i < count; i++)
        poison[i] = i % words < rows * columns ? NAN : 0;
    return rig_upload(rig, count, poison);
}

/* Checks a transform of images, which start after one that does not belong to the chunk. */
static void
to_points(struct rig *rig, const struct check *check, struct conv_shape s, size_t channels, const char *kernel_name,
          enum vggcl_err (*transform)(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s,
                                      struct tensor from, size_t first_image, size_t panel, struct tensor to),
          struct sum (*reference)(int alpha, struct conv_shape s, const float *from, size_t i)) {
    int alpha = check->algorithm->alpha;
    size_t image = s.h * s.w * channels, count = (s.n + 1) * image;
    float *from = rig_activations(rig, count);
    struct tensor to = poisoned_points(rig, check, tiles_of(check, s), channels);
    struct kernel kernel = winograd_kernel(kernel_name, rig->dev, alpha, channels, rig->context.stored);
    struct tensor in = rig_upload_stored(rig, count, from);
    RIG_RUN(rig, transform(rig->dev, &kernel, alpha, s, in, 1, channels, to));
    RIG_COMPARE(rig, "points", RIG_FLOATS, to, TRANSFORM_ROUNDINGS, i, reference(alpha, s, from + image, i));
}

static void transform_input(struct rig *rig, const struct check *check, struct conv_shape s) {
    to_points(rig, check, s, s.c, "winograd/winograd_input", winograd_input, reference_winograd_input);
}

static void transform_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    to_points(rig, check, s, s.o, "winograd/winograd_gradient", winograd_gradient, reference_winograd_gradient);
}

/* The first image does not belong to the chunk and must not change. */
static void transform_output(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t count = all_points(check, tiles_of(check, s), s.o), image = s.h * s.w * s.o, images = (s.n + 1) * image;
    float *m = rig_floats(rig, count, -1, 1), *bias = rig_floats(rig, s.o, -1, 1);
    float *old = rig_stored(rig, images, rig_floats(rig, images, 2, 3));
    struct tensor y = rig_upload_stored(rig, images, old);
    struct kernel kernel = winograd_kernel("winograd/winograd_output", rig->dev, alpha, s.o, rig->context.stored);
    struct tensor points = rig_upload(rig, count, m), biases = rig_upload(rig, s.o, bias);
    RIG_RUN(rig, winograd_output(rig->dev, &kernel, alpha, s, points, 1, biases, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, TRANSFORM_ROUNDINGS, i,
                i < image ? sum_exactly(old[i]) : reference_winograd_output(alpha, s, m, bias, i - image));
}

static void transform_weight(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t words = s.c * s.o, count = 9 * words;
    float *weight = rig_floats(rig, count, -1, 1), *turned = rig_floats(rig, count, -1, 1);
    float *rotated = rig_floats(rig, count, -1, 1);
    for (size_t i = 0; i < count; i++) {
        turned[i] = weight[(8 - i / words) * words + i % words];
        rotated[i] = reference_rotated(s.c, s.o, weight, i);
    }
    struct tensor on_device = rig_upload(rig, count, weight);
    struct tensor u = poisoned_points(rig, check, s.c, s.o);
    struct kernel kernel = winograd_kernel("winograd/winograd_weight", rig->dev, alpha, s.o, false);
    struct kernel for_rotated = winograd_rotated_kernel(rig->dev, alpha, s.c, s.o);
    RIG_RUN(rig, winograd_weight(rig->dev, &kernel, s.c, s.o, on_device, false, u));
    RIG_COMPARE(rig, "u", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i, reference_winograd_weight(alpha, s.c, s.o, weight, i));
    RIG_RUN(rig, winograd_weight(rig->dev, &kernel, s.c, s.o, on_device, true, u));
    RIG_COMPARE(rig, "u of the turned", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight(alpha, s.c, s.o, turned, i));
    RIG_RUN(rig, winograd_weight_rotated(rig->dev, &for_rotated, s.c, s.o, on_device, u));
    RIG_COMPARE(rig, "u of the rotated", RIG_FLOATS, u, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight(alpha, s.c, s.o, rotated, i));
}

static void transform_weight_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t count = all_points(check, s.c, s.o);
    float *du = rig_floats(rig, count, -1, 1);
    struct tensor dweight = rig_poisoned(rig, 9 * s.c * s.o);
    struct kernel kernel = winograd_kernel("winograd/winograd_weight_gradient", rig->dev, alpha, s.o, false);
    struct tensor points = rig_upload(rig, count, du);
    RIG_RUN(rig, winograd_weight_gradient(rig->dev, &kernel, s.c, s.o, 1, points, dweight));
    RIG_COMPARE(rig, "dweight", RIG_FLOATS, dweight, TRANSFORM_ROUNDINGS, i,
                reference_winograd_weight_gradient(alpha, s.c, s.o, du, i));
}

static bool is_made_of_transforms(const struct conv_algorithm *a) {
    return a->alpha && a->multiplies;
}

#define TRANSFORM(when, title, kernels, sizes, how)                                                                    \
    CHECK_OF_EACH(is_made_of_transforms, when, title, kernels, sizes, how)

const struct check winograd_checks[] = {
    TRANSFORM(ANY, "input transform", "winograd/winograd_input", IMAGES, transform_input),
    TRANSFORM(FORWARD | BACK, "output transform", "winograd/winograd_output", N | H | W | O, transform_output),
    TRANSFORM(WEIGHTS, "gradient transform", "winograd/winograd_gradient", N | H | W | O, transform_gradient),
    TRANSFORM(FORWARD | BACK, "weight transform", "winograd/winograd_weight*", C | O, transform_weight),
    TRANSFORM(WEIGHTS, "weight gradient transform", "winograd/winograd_weight_gradient", C | O,
              transform_weight_gradient),
    {0},
};
