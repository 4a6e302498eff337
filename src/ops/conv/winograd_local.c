#include "ops/conv/winograd_local.h"
#include "ops/channel.h"
#include "ops/conv/chunk.h"
#include "ops/conv/winograd.h"

/* Register tiles of the matrix products, in rows x vectors: for vector registers of fewer than 16 floats, and for
 * AVX-512, which has registers of 16 floats and twice as many. Measured. Gradients need rows that divide the number of
 * channels, a multiple of 4. */
enum product { FUSED = 1, FUSED_GRADIENT, SLICED, SLICED_GRADIENT }; /* as PRODUCT in cl/winograd_local.cl */
static const struct register_tile {
    size_t rows, columns;
} register_tiles[][2] = {
    [FUSED] = {{6, 2}, {6, 4}},
    [FUSED_GRADIENT] = {{4, 2}, {4, 4}},
    [SLICED] = {{6, 2}, {8, 2}},
    [SLICED_GRADIENT] = {{4, 2}, {4, 4}},
};

/* Maximum tiles per group: larger groups are not faster. Measured. */
enum { FUSED_TILES = 18, FUSED_GRADIENT_TILES = 28 };

/* A slice takes at most 1 / SLICE_PART of local memory, because the other operands and the prefetched next slice use
 * the same cache. GRADIENT_DEPTH: maximum channels of a gradient's slice. Measured. */
enum { SLICE_PART = 3, GRADIENT_DEPTH = 32 };

/* Slabs of the fused weight gradient per compute unit, more than one so that all units finish at about the same time;
 * and the maximum number of slabs. */
enum { UNIT_SLABS = 2, MOST_SLABS = 32 };

static size_t tiles_of(int alpha, struct conv_shape s) {
    return s.n * winograd_tiles(alpha, s.h, s.w);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* These algorithms need a CPU core per work-item, with local memory in its cache (no simt), and channels in whole
 * vectors. */
static bool suits(const struct dev *d, struct conv_shape s) {
    return !d->simt && s.c % dev_register_width(d) == 0 && s.o % dev_register_width(d) == 0;
}

/* The register tile of a product with o columns: the number of vectors in o is a multiple of the tile's vectors. */
static struct register_tile register_tile(const struct dev *d, enum product product, size_t o) {
    struct register_tile tile = register_tiles[product][dev_register_width(d) >= 16];
    while (o / dev_register_width(d) % tile.columns)
        tile.columns /= 2;
    return tile;
}

static size_t width_of(const struct dev *d, enum product product, size_t o) {
    return register_tile(d, product, o).columns * dev_register_width(d);
}

/* Number of rows that fit into local memory at all points; a row has row_words words, summed over `matrices` matrices
 * per point. */
static size_t rows_that_fit(const struct dev *d, int alpha, size_t row_words, size_t matrices) {
    size_t room = (size_t)d->info.local_memory / 4 / winograd_points(alpha);
    size_t gaps = matrices * winograd_point_words(0, 0);
    return room < gaps ? 0 : (room - gaps) / row_words;
}

/* Local memory for a matrix of rows x columns per point. */
static struct arg local_points(int alpha, size_t rows, size_t columns) {
    return A_LOCAL(4 * winograd_points(alpha) * winograd_point_words(rows, columns));
}

static struct kernel kernel_of(const char *name, const struct dev *d, const struct conv_plan *p, enum product product) {
    struct register_tile tile = register_tile(d, product, p->s.o);
    return kernel_make(name, "%s -DPRODUCT=%d -DROWS=%zu -DCOLUMNS=%zu",
                       winograd_options(d, p->algorithm->alpha, dev_register_width(d), p->stored).text, product,
                       tile.rows, tile.columns);
}

enum { PRODUCT, WEIGHT, INPUT, OUTPUT };

/* ------------------------------------------------------------------------------------------------------- fused -- */

/* Number of tiles that fit into local memory, where a tile has tile_words words per point, in two matrices: a multiple
 * of step up to most, or 0. */
static size_t fitting_group(const struct dev *d, size_t tile_words, size_t step, size_t most) {
    return least(most, rows_that_fit(d, WINOGRAD_F4, tile_words, 2)) / step * step;
}

/* Tiles per group; 0 if the shape is not supported. Less than fits if some compute units would get no group otherwise.
 */
static size_t fused_group(const struct dev *d, struct conv_shape s) {
    if (!suits(d, s))
        return 0;
    size_t rows = register_tile(d, FUSED, s.o).rows;
    size_t group = fitting_group(d, s.c + width_of(d, FUSED, s.o), rows, FUSED_TILES);
    size_t share = quotient_up(tiles_of(WINOGRAD_F4, s), 2 * d->info.compute_units);
    return least(group, quotient_up(share, rows) * rows);
}

static size_t fused_gradient_group(const struct dev *d, struct conv_shape s) {
    return suits(d, s) ? fitting_group(d, s.c + s.o, register_tile(d, FUSED_GRADIENT, s.o).rows, FUSED_GRADIENT_TILES)
                       : 0;
}

static size_t most_slabs(const struct dev *d) {
    return least(UNIT_SLABS * d->info.compute_units, MOST_SLABS);
}

static bool fused_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                      enum conv_direction direction) {
    (void)a;
    return (direction == CONV_WEIGHT_GRADIENT ? fused_gradient_group(d, s) : fused_group(d, s)) > 0;
}

/* Statistics of the output are computed only if no tile extends beyond an image. */
static bool computes_statistics(int alpha, struct conv_shape s) {
    return s.h % winograd_side(alpha) == 0 && s.w % winograd_side(alpha) == 0;
}

/* All images are one chunk. For a weight gradient: chunk->depth tiles per slab, chunk->group of them at a time. */
static enum vggcl_err fused_plan(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    struct conv_chunk *chunk = &p->rest;
    size_t u = winograd_points(WINOGRAD_F4) * winograd_point_words(s.c, s.o);
    chunk->tiles = tiles_of(WINOGRAD_F4, s);
    if (p->direction == CONV_WEIGHT_GRADIENT) {
        chunk->group = fused_gradient_group(d, s);
        chunk->depth = quotient_up(quotient_up(chunk->tiles, most_slabs(d)), chunk->group) * chunk->group;
        chunk->groups = quotient_up(chunk->tiles, chunk->depth);
        p->words = (struct conv_scratch_words){.output = chunk->groups * u};
        p->kernels[PRODUCT] = kernel_of("winograd_local/winograd_fused_gradient", d, p, FUSED_GRADIENT);
        p->kernels[WEIGHT] = winograd_kernel("winograd/winograd_weight_gradient", d, WINOGRAD_F4, s.o, false);
        return VGGCL_OK;
    }
    chunk->group = fused_group(d, s);
    chunk->groups = quotient_up(chunk->tiles, chunk->group);
    p->slabs = computes_statistics(WINOGRAD_F4, s) ? chunk->groups : 0;
    p->words = (struct conv_scratch_words){.weight = u};
    p->kernels[PRODUCT] = kernel_of("winograd_local/winograd_fused", d, p, FUSED);
    p->kernels[WEIGHT] = p->direction == CONV_DATA_GRADIENT
                             ? winograd_rotated_kernel(d, WINOGRAD_F4, s.c, s.o)
                             : winograd_kernel("winograd/winograd_weight", d, WINOGRAD_F4, s.o, false);
    return VGGCL_OK;
}

static enum vggcl_err fused_forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    const struct conv_chunk *chunk = &p->rest;
    if (p->direction == CONV_DATA_GRADIENT)
        TRY(winograd_weight_rotated(d, &p->kernels[WEIGHT], s.c, s.o, o->weight, o->scratch.weight));
    else
        TRY(winograd_weight(d, &p->kernels[WEIGHT], s.c, s.o, o->weight, false, o->scratch.weight));
    return dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, chunk->groups),
                      ARGS(A_JOBS(d, chunk->groups), A_MEM(o->x), A_INT(chunk->tiles), A_INT(chunk->group), A_INT(s.h),
                           A_INT(s.w), A_INT(s.c), A_INT(s.o), A_MEM(o->scratch.weight), A_INT(o->bias.mem != NULL),
                           A_MEM(o->bias), A_MEM(o->y), A_INT(o->statistics.mem != NULL), A_MEM(o->statistics),
                           local_points(WINOGRAD_F4, chunk->group, s.c),
                           local_points(WINOGRAD_F4, chunk->group, width_of(d, FUSED, s.o))));
}

static enum vggcl_err fused_weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    const struct conv_chunk *chunk = &p->rest;
    TRY(dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, chunk->groups),
                   ARGS(A_JOBS(d, chunk->groups), A_MEM(o->x), A_MEM(o->y), A_INT(chunk->tiles), A_INT(chunk->depth),
                        A_INT(chunk->group), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o), A_MEM(o->scratch.output),
                        local_points(WINOGRAD_F4, chunk->group, s.c), local_points(WINOGRAD_F4, chunk->group, s.o))));
    return winograd_weight_gradient(d, &p->kernels[WEIGHT], s.c, s.o, chunk->groups, o->scratch.output, o->weight);
}

const struct conv_algorithm conv_winograd4_fused = {.name = "winograd4-fused",
                                                    .kernels = "winograd_local/winograd_fused*",
                                                    .alpha = WINOGRAD_F4,
                                                    .can = fused_can,
                                                    .otherwise = &conv_winograd4,
                                                    .operations = winograd_operations,
                                                    .plan = fused_plan,
                                                    .forward = fused_forward,
                                                    .weight_gradient = fused_weight_gradient};

/* ------------------------------------------------------------------------------------------------------ sliced -- */

/* The largest vector_width * 2^i up to most that divides c. */
static size_t fitting_depth(const struct dev *d, size_t c, size_t most) {
    size_t depth = dev_register_width(d);
    while (2 * depth <= most && c % (2 * depth) == 0)
        depth *= 2;
    return depth;
}

/* How winograd_sliced divides a convolution: input channels per slice, tiles per work-group. */
struct slicing {
    size_t depth, group;
};

/* The deepest slices within 1 / SLICE_PART of local memory, and tiles in groups of equal size in the remaining memory.
 * group is 0 if nothing fits, whatever the number of tiles. Groups are smaller if some compute units would get none
 * otherwise. */
static struct slicing slicing_of(const struct dev *d, int alpha, struct conv_shape s) {
    size_t width = width_of(d, SLICED, s.o), rows = rows_that_fit(d, alpha, width, 2), tiles = tiles_of(alpha, s);
    struct slicing slicing = {fitting_depth(d, s.c, rows / SLICE_PART), 0};
    if (slicing.depth >= rows)
        return slicing;
    size_t groups = quotient_up(tiles, rows - slicing.depth), wanted = quotient_up(d->info.compute_units, s.o / width);
    slicing.group = quotient_up(tiles, groups > wanted ? groups : wanted);
    return slicing;
}

static bool sliced_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                       enum conv_direction direction) {
    int alpha = a->alpha;
    if (!suits(d, s) || !winograd_fits(alpha, s))
        return false;
    if (direction == CONV_WEIGHT_GRADIENT)
        return fitting_depth(d, s.c, GRADIENT_DEPTH) <= rows_that_fit(d, alpha, width_of(d, SLICED_GRADIENT, s.o), 1);
    return slicing_of(d, alpha, s).group > 0;
}

static size_t panel_words(int alpha, size_t tiles, size_t channels, size_t panel) {
    return channels / panel * winograd_points(alpha) * winograd_point_words(tiles, panel);
}

static size_t larger(size_t a, size_t b) {
    return a > b ? a : b;
}

static enum vggcl_err plan_forward_chunk(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk) {
    const struct dev *d = context->dev;
    int alpha = p->algorithm->alpha;
    struct conv_shape part = conv_chunk_shape(p, chunk);
    struct slicing slicing = slicing_of(d, alpha, part);
    chunk->tiles = tiles_of(alpha, part);
    chunk->depth = slicing.depth;
    chunk->group = slicing.group;
    chunk->groups = quotient_up(chunk->tiles, chunk->group);
    p->words.input = larger(p->words.input, panel_words(alpha, chunk->tiles, p->s.c, chunk->depth));
    return VGGCL_OK;
}

static enum vggcl_err plan_gradient_chunk(const struct context *context, struct conv_plan *p,
                                          struct conv_chunk *chunk) {
    const struct dev *d = context->dev;
    int alpha = p->algorithm->alpha;
    chunk->tiles = tiles_of(alpha, conv_chunk_shape(p, chunk));
    chunk->depth = fitting_depth(d, p->s.c, GRADIENT_DEPTH);
    p->words.input = larger(p->words.input, panel_words(alpha, chunk->tiles, p->s.c, chunk->depth));
    p->words.output =
        larger(p->words.output, panel_words(alpha, chunk->tiles, p->s.o, width_of(d, SLICED_GRADIENT, p->s.o)));
    return VGGCL_OK;
}

/* Unlike in winograd.c, the size of a chunk does not depend on the weights, because each slice of weights reads the
 * whole chunk again. The groups of a chunk are slabs of statistics, numbered after those of the previous chunks. */
static enum vggcl_err sliced_plan(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    size_t image_words = winograd_points(alpha) * winograd_tiles(alpha, s.h, s.w) * larger(s.c, s.o);
    bool gradient = p->direction == CONV_WEIGHT_GRADIENT;
    conv_cut(p, conv_chunk_images(context, s.n, image_words, 0));
    TRY(conv_plan_chunks(context, p, gradient ? plan_gradient_chunk : plan_forward_chunk));
    p->kernels[INPUT] = winograd_kernel("winograd/winograd_input", d, alpha, s.c, p->stored);
    if (gradient) {
        p->kernels[PRODUCT] = kernel_of("winograd_local/winograd_sliced_gradient", d, p, SLICED_GRADIENT);
        p->kernels[OUTPUT] = winograd_kernel("winograd/winograd_gradient", d, alpha, s.o, p->stored);
        return VGGCL_OK;
    }
    p->kernels[PRODUCT] = kernel_of("winograd_local/winograd_sliced", d, p, SLICED);
    if (computes_statistics(alpha, s))
        p->slabs = (s.n - p->rest.images) / p->whole.images * p->whole.groups + p->rest.groups;
    return VGGCL_OK;
}

static enum vggcl_err sliced_forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    size_t width = width_of(d, SLICED, s.o), slab = 0;
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        const struct conv_chunk *chunk = conv_chunk_at(p, first);
        size_t jobs = s.o / width * chunk->groups;
        TRY(winograd_input(d, &p->kernels[INPUT], alpha, conv_chunk_shape(p, chunk), o->x, first, chunk->depth,
                           o->scratch.input));
        TRY(dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, jobs),
                       ARGS(A_JOBS(d, jobs), A_MEM(o->scratch.input), A_INT(first), A_INT(chunk->tiles),
                            A_INT(chunk->group), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o), A_INT(chunk->depth),
                            A_MEM(o->weight), A_INT(p->direction == CONV_DATA_GRADIENT), A_INT(o->bias.mem != NULL),
                            A_MEM(o->bias), A_MEM(o->y), A_INT(o->statistics.mem != NULL), A_INT(slab),
                            A_MEM(o->statistics), local_points(alpha, chunk->depth, width),
                            local_points(alpha, chunk->group, width))));
        slab += chunk->groups;
    }
    return VGGCL_OK;
}

static enum vggcl_err sliced_weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    int alpha = p->algorithm->alpha;
    size_t width = width_of(d, SLICED_GRADIENT, s.o), depth = p->rest.depth, jobs = s.c / depth * (s.o / width);
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        const struct conv_chunk *chunk = conv_chunk_at(p, first);
        struct conv_shape part = conv_chunk_shape(p, chunk);
        TRY(winograd_input(d, &p->kernels[INPUT], alpha, part, o->x, first, depth, o->scratch.input));
        TRY(winograd_gradient(d, &p->kernels[OUTPUT], alpha, part, o->y, first, width, o->scratch.output));
        TRY(dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, jobs),
                       ARGS(A_JOBS(d, jobs), A_MEM(o->scratch.input), A_MEM(o->scratch.output), A_INT(chunk->tiles),
                            A_INT(s.c), A_INT(s.o), A_INT(depth), A_INT(first > 0), A_MEM(o->weight),
                            local_points(alpha, depth, width))));
    }
    return VGGCL_OK;
}

#define SLICED_ALGORITHM                                                                                               \
    .kernels = "winograd_local/winograd_sliced*", .can = sliced_can, .operations = winograd_operations,                \
    .plan = sliced_plan, .forward = sliced_forward, .weight_gradient = sliced_weight_gradient

const struct conv_algorithm conv_winograd4_sliced = {
    .name = "winograd4-sliced", .alpha = WINOGRAD_F4, .otherwise = &conv_winograd4, SLICED_ALGORITHM};
const struct conv_algorithm conv_winograd2_lone_sliced = {
    .name = "winograd2-lone-sliced", .alpha = WINOGRAD_LONE, .otherwise = &conv_winograd2_lone, SLICED_ALGORITHM};
