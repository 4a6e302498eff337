#include "ops/winograd.h"

#include <stdio.h>

size_t winograd_points(int alpha) {
    return (size_t)alpha * (size_t)alpha;
}

size_t winograd_side(int alpha) {
    return alpha == WINOGRAD_LONE ? 2 : (size_t)alpha - 2;
}

size_t winograd_tiles(int alpha, size_t h, size_t w) {
    size_t t = winograd_side(alpha);
    return (h + t - 1) / t * ((w + t - 1) / t);
}

bool winograd_fits(int alpha, struct conv_shape s) {
    return alpha != WINOGRAD_LONE || (s.h == 2 && s.w == 2);
}

/* Two lines of a cache, and whole vectors. */
enum { GAP = 32 };

size_t winograd_point_words(size_t rows, size_t columns) {
    return rows * columns + GAP;
}

struct winograd_options winograd_options(const struct dev *d, int alpha, size_t channels, struct tensor like) {
    struct winograd_options options;
    snprintf(options.text, sizeof options.text, "-DALPHA=%d -DGAP=%d %s", alpha, GAP,
             dev_stored_option(d, (int)channels, like));
    return options;
}

static struct range blocks_of(const struct dev *d, size_t count, size_t channels) {
    return RANGE(count * (channels / (size_t)dev_vector_width(d, (int)channels)));
}

enum vggcl_err winograd_input(struct dev *d, int alpha, struct conv_shape s, struct tensor x, size_t first_image,
                              size_t panel, struct tensor v) {
    size_t tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    return dev_run(
        d, "winograd/winograd_input", winograd_options(d, alpha, s.c, x).text, blocks_of(d, tiles, s.c),
        ARGS(A_MEM(x), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(panel), A_MEM(v)));
}

enum vggcl_err winograd_output(struct dev *d, int alpha, struct conv_shape s, struct tensor m, size_t first_image,
                               struct tensor bias, struct tensor y) {
    size_t tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    return dev_run(d, "winograd/winograd_output", winograd_options(d, alpha, s.o, y).text, blocks_of(d, tiles, s.o),
                   ARGS(A_MEM(m), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.o),
                        A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y)));
}

enum vggcl_err winograd_gradient(struct dev *d, int alpha, struct conv_shape s, struct tensor dy, size_t first_image,
                                 size_t panel, struct tensor z) {
    size_t tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    return dev_run(
        d, "winograd/winograd_gradient", winograd_options(d, alpha, s.o, dy).text, blocks_of(d, tiles, s.o),
        ARGS(A_MEM(dy), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.o), A_INT(panel), A_MEM(z)));
}

enum vggcl_err winograd_weight(struct dev *d, int alpha, size_t c, size_t o, struct tensor weight, bool turned,
                               struct tensor u) {
    struct range range = blocks_of(d, c, o);
    return dev_run(d, "winograd/winograd_weight", winograd_options(d, alpha, o, weight).text, range,
                   ARGS(A_MEM(weight), A_INT(range.global[0]), A_INT(turned), A_MEM(u)));
}

enum vggcl_err winograd_weight_rotated(struct dev *d, int alpha, size_t c, size_t o, struct tensor weight,
                                       struct tensor u) {
    size_t divided = c | o, width = (size_t)dev_vector_width(d, (int)divided);
    return dev_run(d, "winograd/winograd_weight_rotated", winograd_options(d, alpha, divided, weight).text,
                   dev_grid(d, o / width * (c / width), 1), ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_MEM(u)));
}

enum vggcl_err winograd_weight_gradient(struct dev *d, int alpha, size_t c, size_t o, size_t parts, struct tensor du,
                                        struct tensor dweight) {
    struct range range = blocks_of(d, c, o);
    return dev_run(d, "winograd/winograd_weight_gradient", winograd_options(d, alpha, o, dweight).text, range,
                   ARGS(A_MEM(du), A_INT(range.global[0]), A_INT(parts), A_MEM(dweight)));
}

/* ------------------------------------------------------------------------------------------- the convolutions -- */

static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, bool weight_gradient) {
    (void)d, (void)weight_gradient;
    return winograd_fits(a->alpha, s);
}

static size_t chunk(const struct dev *d, int alpha, struct conv_shape s) {
    size_t points = winograd_points(alpha);
    return conv_chunk(d, s, points * winograd_tiles(alpha, s.h, s.w) * (s.c + s.o), points * s.c * s.o);
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    int alpha = a->alpha;
    size_t points = winograd_points(alpha), tiles = chunk(d, alpha, s) * winograd_tiles(alpha, s.h, s.w);
    return (struct conv_scratch_words){points * winograd_point_words(s.c, s.o),
                                       points * winograd_point_words(tiles, s.c),
                                       points * winograd_point_words(tiles, s.o)};
}

static struct gemm_shape product(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    size_t tiles = chunk(d, a->alpha, s) * winograd_tiles(a->alpha, s.h, s.w);
    return (struct gemm_shape){tiles, s.o, s.c, winograd_points(a->alpha)};
}

/* A batch of rows x columns matrices, one a point. */
static struct matrix per_point(struct tensor data, size_t rows, size_t columns) {
    return (struct matrix){data, 0, columns, winograd_point_words(rows, columns), false};
}

static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct tensor partial, struct conv_scratch scratch) {
    (void)partial;
    int alpha = a->alpha;
    size_t images = chunk(d, alpha, s);
    size_t weight_rows = rotate ? s.o : s.c, weight_columns = rotate ? s.c : s.o;
    struct matrix u = per_point(scratch.weight, weight_rows, weight_columns);
    u.transposed = rotate;
    TRY(winograd_weight(d, alpha, weight_rows, weight_columns, weight, rotate, scratch.weight));
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        size_t tiles = part.n * winograd_tiles(alpha, s.h, s.w);
        TRY(winograd_input(d, alpha, part, x, first, s.c, scratch.input));
        TRY(gemm(d, tiles, s.o, s.c, per_point(scratch.input, tiles, s.c), u, GEMM_SET,
                 per_point(scratch.output, tiles, s.o), winograd_points(alpha)));
        TRY(winograd_output(d, alpha, part, scratch.output, first, bias, y));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    int alpha = a->alpha;
    size_t points = winograd_points(alpha), images = chunk(d, alpha, s);
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        size_t tiles = part.n * winograd_tiles(alpha, s.h, s.w);
        struct matrix v = per_point(scratch.input, tiles, s.c);
        v.transposed = true;
        TRY(winograd_input(d, alpha, part, x, first, s.c, scratch.input));
        TRY(winograd_gradient(d, alpha, part, dy, first, s.o, scratch.output));
        TRY(gemm(d, s.c, s.o, tiles, v, per_point(scratch.output, tiles, s.o), first ? GEMM_ADD : GEMM_SET,
                 per_point(scratch.weight, s.c, s.o), points));
    }
    return winograd_weight_gradient(d, alpha, s.c, s.o, 1, scratch.weight, dweight);
}

const struct conv_algorithm conv_winograd2 = {.name = "winograd2",
                                              .alpha = WINOGRAD_F2,
                                              .scratch = scratch_words,
                                              .product = product,
                                              .forward = forward,
                                              .weight_gradient = weight_gradient};
const struct conv_algorithm conv_winograd4 = {.name = "winograd4",
                                              .alpha = WINOGRAD_F4,
                                              .scratch = scratch_words,
                                              .product = product,
                                              .forward = forward,
                                              .weight_gradient = weight_gradient};
const struct conv_algorithm conv_winograd2_lone = {.name = "winograd2-lone",
                                                   .alpha = WINOGRAD_LONE,
                                                   .scratch = scratch_words,
                                                   .product = product,
                                                   .forward = forward,
                                                   .weight_gradient = weight_gradient,
                                                   .can = can,
                                                   .otherwise = &conv_winograd2};
