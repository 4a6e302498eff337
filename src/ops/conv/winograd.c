#include "ops/conv/winograd.h"
#include "ops/conv/chunk.h"
#include "ops/gemm/gemm.h"

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

double winograd_operations(const struct conv_plan *p) {
    const struct conv_shape *s = &p->s;
    int alpha = p->algorithm->alpha;
    return 2.0 * (double)(winograd_points(alpha) * s->n * winograd_tiles(alpha, s->h, s->w)) * (double)(s->c * s->o);
}

bool winograd_fits(int alpha, struct conv_shape s) {
    return alpha != WINOGRAD_LONE || (s.h == 2 && s.w == 2);
}

/* Words: two cache lines of 64 bytes, a multiple of the vector width. */
enum { GAP = 32 };

size_t winograd_point_words(size_t rows, size_t columns) {
    return rows * columns + GAP;
}

struct winograd_options winograd_options(const struct dev *d, int alpha, size_t channels, enum stored stored) {
    struct winograd_options options;
    snprintf(options.text, sizeof options.text, "-DALPHA=%d -DGAP=%d %s", alpha, GAP,
             dev_stored_option(d, (int)channels, stored));
    return options;
}

struct kernel winograd_kernel(const char *name, const struct dev *d, int alpha, size_t channels, enum stored stored) {
    return kernel_make(name, "%s", winograd_options(d, alpha, channels, stored).text);
}

static struct range blocks_of(const struct dev *d, size_t count, size_t channels) {
    return RANGE(count * (channels / (size_t)dev_vector_width(d, (int)channels)));
}

/* From images of `channels` channels to points; winograd_input() and winograd_gradient() differ by their kernels. */
static enum vggcl_err to_points(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, size_t channels,
                                struct tensor images, size_t first_image, size_t panel, struct tensor points) {
    size_t tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    return dev_launch(d, kernel, blocks_of(d, tiles, channels),
                      ARGS(A_MEM(images), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(channels),
                           A_INT(panel), A_MEM(points)));
}

enum vggcl_err winograd_input(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor x,
                              size_t first_image, size_t panel, struct tensor v) {
    return to_points(d, kernel, alpha, s, s.c, x, first_image, panel, v);
}

enum vggcl_err winograd_output(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor m,
                               size_t first_image, struct tensor bias, struct tensor y) {
    size_t tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    return dev_launch(d, kernel, blocks_of(d, tiles, s.o),
                      ARGS(A_MEM(m), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.o),
                           A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y)));
}

enum vggcl_err winograd_gradient(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor dy,
                                 size_t first_image, size_t panel, struct tensor z) {
    return to_points(d, kernel, alpha, s, s.o, dy, first_image, panel, z);
}

enum vggcl_err winograd_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                               bool rotated, struct tensor u) {
    struct range range = blocks_of(d, c, o);
    return dev_launch(d, kernel, range, ARGS(A_MEM(weight), A_INT(range.global[0]), A_INT(rotated), A_MEM(u)));
}

struct kernel winograd_rotated_kernel(const struct dev *d, int alpha, size_t c, size_t o) {
    return winograd_kernel("winograd/winograd_weight_rotated", d, alpha, c | o, false);
}

enum vggcl_err winograd_weight_rotated(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                                       struct tensor u) {
    size_t width = (size_t)dev_vector_width(d, (int)(c | o));
    return dev_launch(d, kernel, dev_grid(d, o / width * (c / width), 1),
                      ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_MEM(u)));
}

enum vggcl_err winograd_weight_gradient(struct dev *d, struct kernel *kernel, size_t c, size_t o, size_t parts,
                                        struct tensor du, struct tensor dweight) {
    struct range range = blocks_of(d, c, o);
    return dev_launch(d, kernel, range, ARGS(A_MEM(du), A_INT(range.global[0]), A_INT(parts), A_MEM(dweight)));
}

/* ------------------------------------------------------------------------------------------- algorithms -- */

static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                enum conv_direction direction) {
    (void)d, (void)direction;
    return winograd_fits(a->alpha, s);
}

/* A batch of matrices [point][rows][columns]. */
static struct matrix per_point(struct tensor data, size_t rows, size_t columns) {
    return (struct matrix){data, 0, columns, winograd_point_words(rows, columns), false};
}

static struct matrix transposed(struct matrix m) {
    m.transposed = !m.transposed;
    return m;
}

/* The batched product of a chunk, one matrix product per point: of transformed inputs and transformed weights, which
 * are stored as [point][o][c] for a data gradient; for a weight gradient, of transformed inputs and transformed
 * gradients of the outputs. */
struct product {
    struct gemm_shape shape;
    struct matrix a, b, c;
};

static struct product product_of(const struct conv_plan *p, const struct conv_chunk *chunk,
                                 const struct conv_scratch *scratch) {
    const struct conv_shape *s = &p->s;
    size_t points = winograd_points(p->algorithm->alpha), tiles = chunk->tiles;
    struct matrix v = per_point(scratch->input, tiles, s->c), m = per_point(scratch->output, tiles, s->o);
    struct matrix u = per_point(scratch->weight, s->c, s->o);
    if (p->direction == CONV_WEIGHT_GRADIENT)
        return (struct product){{s->c, s->o, tiles, points}, transposed(v), m, u};
    if (p->direction == CONV_DATA_GRADIENT)
        u = transposed(per_point(scratch->weight, s->o, s->c));
    return (struct product){{tiles, s->o, s->c, points}, v, u, m};
}

enum { INPUT, WEIGHT, OUTPUT }; /* transforms; in a weight gradient, OUTPUT transforms the output's gradient */

static enum vggcl_err plan_chunk(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk) {
    static const struct conv_scratch none;
    chunk->tiles = chunk->images * winograd_tiles(p->algorithm->alpha, p->s.h, p->s.w);
    struct product product = product_of(p, chunk, &none);
    return conv_plan_product(context, p, chunk, product.shape, product.a, product.b, product.c);
}

static enum vggcl_err plan(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    size_t points = winograd_points(alpha), image_tiles = winograd_tiles(alpha, s.h, s.w);
    conv_cut(p, conv_chunk_images(context, s.n, points * image_tiles * (s.c + s.o), points * s.c * s.o));
    size_t tiles = p->whole.images * image_tiles;
    p->words = (struct conv_scratch_words){.weight = points * winograd_point_words(s.c, s.o),
                                           .input = points * winograd_point_words(tiles, s.c),
                                           .output = points * winograd_point_words(tiles, s.o)};
    p->kernels[INPUT] = winograd_kernel("winograd/winograd_input", d, alpha, s.c, p->stored);
    if (p->direction == CONV_WEIGHT_GRADIENT) {
        p->kernels[WEIGHT] = winograd_kernel("winograd/winograd_weight_gradient", d, alpha, s.o, false);
        p->kernels[OUTPUT] = winograd_kernel("winograd/winograd_gradient", d, alpha, s.o, p->stored);
    } else {
        size_t columns = p->direction == CONV_DATA_GRADIENT ? s.c : s.o;
        p->kernels[WEIGHT] = winograd_kernel("winograd/winograd_weight", d, alpha, columns, false);
        p->kernels[OUTPUT] = winograd_kernel("winograd/winograd_output", d, alpha, s.o, p->stored);
    }
    return conv_plan_chunks(context, p, plan_chunk);
}

static enum vggcl_err forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    bool rotate = p->direction == CONV_DATA_GRADIENT;
    TRY(winograd_weight(d, &p->kernels[WEIGHT], rotate ? s.o : s.c, rotate ? s.c : s.o, o->weight, rotate,
                        o->scratch.weight));
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        struct conv_chunk *chunk = conv_chunk_at(p, first);
        struct conv_shape part = conv_chunk_shape(p, chunk);
        struct product product = product_of(p, chunk, &o->scratch);
        TRY(winograd_input(d, &p->kernels[INPUT], alpha, part, o->x, first, s.c, o->scratch.input));
        TRY(gemm_run(d, &chunk->product, product.a, product.b, GEMM_SET, product.c, o->scratch.product));
        TRY(winograd_output(d, &p->kernels[OUTPUT], alpha, part, o->scratch.output, first, o->bias, o->y));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        struct conv_chunk *chunk = conv_chunk_at(p, first);
        struct conv_shape part = conv_chunk_shape(p, chunk);
        struct product product = product_of(p, chunk, &o->scratch);
        TRY(winograd_input(d, &p->kernels[INPUT], alpha, part, o->x, first, s.c, o->scratch.input));
        TRY(winograd_gradient(d, &p->kernels[OUTPUT], alpha, part, o->y, first, s.o, o->scratch.output));
        TRY(gemm_run(d, &chunk->product, product.a, product.b, first ? GEMM_ADD : GEMM_SET, product.c,
                     o->scratch.product));
    }
    return winograd_weight_gradient(d, &p->kernels[WEIGHT], s.c, s.o, 1, o->scratch.weight, o->weight);
}

#define WINOGRAD(a)                                                                                                    \
    .kernels = "winograd/*, a matrix product", .alpha = (a), .multiplies = true, .operations = winograd_operations,    \
    .plan = plan, .forward = forward, .weight_gradient = weight_gradient

const struct conv_algorithm conv_winograd2 = {.name = "winograd2", WINOGRAD(WINOGRAD_F2)};
const struct conv_algorithm conv_winograd4 = {.name = "winograd4", WINOGRAD(WINOGRAD_F4)};
const struct conv_algorithm conv_winograd2_lone = {
    .name = "winograd2-lone", WINOGRAD(WINOGRAD_LONE), .can = can, .otherwise = &conv_winograd2};
