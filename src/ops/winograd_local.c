/* winograd_local.c - Winograd's algorithm with what is transformed in local memory, which on a CPU is a part of its
 * cache: the fused form keeps the images' tiles there, for layers whose transformed weights the caches hold as well;
 * the sliced form keeps the weights there, a slice at a time, for small images of many channels, which need less room
 * than the weights. What does not fit is left to the forms of winograd.c. */
#include "ops/channel.h"
#include "ops/winograd.h"

#include <stdio.h>

/* The register tiles of the products, rows x columns vectors, where registers hold fewer than 16 floats, and where they
 * hold 16 and there are twice as many. Measured. A gradient's rows divide every number of channels. */
enum product { FUSED, FUSED_GRADIENT, SLICED, SLICED_GRADIENT };
static const struct register_tile {
    size_t rows, columns;
} register_tiles[][2] = {
    [FUSED] = {{6, 2}, {6, 4}},
    [FUSED_GRADIENT] = {{4, 2}, {4, 4}},
    [SLICED] = {{6, 2}, {8, 2}},
    [SLICED_GRADIENT] = {{4, 2}, {4, 4}},
};

/* The most tiles that are worth a group. Measured. */
enum { FUSED_TILES = 18, FUSED_GRADIENT_TILES = 28 };

/* The part of local memory that a slice takes, so that what is read beside it, and the next slice, pass through the
 * same cache; channels of a gradient's slice. Measured. */
enum { SLICE_PART = 3, GRADIENT_DEPTH = 32 };

/* Slabs of the fused weight gradient for each compute unit, so that the units finish together; and at most. */
enum { UNIT_SLABS = 2, MOST_SLABS = 32 };

static size_t tiles_of(int alpha, struct conv_shape s) {
    return s.n * winograd_tiles(alpha, s.h, s.w);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Work-items that have a core each, and its cache for local memory; and whole vectors. */
static bool suits(const struct dev *d, struct conv_shape s) {
    return !d->simt && s.c % dev_register_width(d) == 0 && s.o % dev_register_width(d) == 0;
}

/* The register tile of a product that has o channels along its columns, whole vectors of which the tile divides. */
static struct register_tile register_tile(const struct dev *d, enum product product, size_t o) {
    struct register_tile tile = register_tiles[product][dev_register_width(d) >= 16];
    while (o / dev_register_width(d) % tile.columns)
        tile.columns /= 2;
    return tile;
}

static size_t width_of(const struct dev *d, enum product product, size_t o) {
    return register_tile(d, product, o).columns * dev_register_width(d);
}

/* Rows of so many words, over all of the matrices that a point has, that local memory holds. */
static size_t rows_that_fit(const struct dev *d, int alpha, size_t row_words, size_t matrices) {
    size_t room = (size_t)d->info.local_memory / 4 / winograd_points(alpha);
    size_t gaps = matrices * winograd_point_words(0, 0);
    return room < gaps ? 0 : (room - gaps) / row_words;
}

/* Local memory for a matrix of rows x columns at each point. */
static struct arg local_points(int alpha, size_t rows, size_t columns) {
    return A_LOCAL(4 * winograd_points(alpha) * winograd_point_words(rows, columns));
}

struct options {
    char text[96];
};

static struct options build_options(const struct dev *d, int alpha, enum product product, size_t o,
                                    struct tensor like) {
    struct register_tile tile = register_tile(d, product, o);
    struct options options;
    snprintf(options.text, sizeof options.text, "%s -DROWS=%zu -DCOLUMNS=%zu",
             winograd_options(d, alpha, dev_register_width(d), like).text, tile.rows, tile.columns);
    return options;
}

/* ------------------------------------------------------------------------------------------------------- fused -- */

/* How many tiles of tile_words each, transformed and multiplied, fit into local memory: a multiple of step up to most,
 * or 0. */
static size_t fitting_group(const struct dev *d, size_t tile_words, size_t step, size_t most) {
    return least(most, rows_that_fit(d, WINOGRAD_F4, tile_words, 2)) / step * step;
}

/* 0 where the shape is left to conv_winograd4; fewer tiles where there would be none for some compute unit. */
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

static bool fused_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, bool weight_gradient) {
    (void)a;
    return (weight_gradient ? fused_gradient_group(d, s) : fused_group(d, s)) > 0;
}

static struct conv_scratch_words fused_scratch(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    (void)a;
    size_t u = winograd_points(WINOGRAD_F4) * winograd_point_words(s.c, s.o), group = fused_gradient_group(d, s);
    size_t slabs = group ? least(most_slabs(d), quotient_up(tiles_of(WINOGRAD_F4, s), group)) : 0;
    return (struct conv_scratch_words){.weight = u, .output = slabs * u};
}

/* Of tiles that lie in the images whole. */
static bool takes_statistics(int alpha, struct conv_shape s) {
    return s.h % winograd_side(alpha) == 0 && s.w % winograd_side(alpha) == 0;
}

static size_t fused_slabs(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    (void)a;
    return takes_statistics(WINOGRAD_F4, s) ? quotient_up(tiles_of(WINOGRAD_F4, s), fused_group(d, s)) : 0;
}

static enum vggcl_err fused_forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                                    struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                                    struct tensor partial, struct conv_scratch scratch) {
    (void)a;
    size_t tiles = tiles_of(WINOGRAD_F4, s), group = fused_group(d, s);
    if (rotate)
        TRY(winograd_weight_rotated(d, WINOGRAD_F4, s.c, s.o, weight, scratch.weight));
    else
        TRY(winograd_weight(d, WINOGRAD_F4, s.c, s.o, weight, false, scratch.weight));
    size_t jobs = quotient_up(tiles, group);
    return dev_run(d, "winograd/winograd_fused", build_options(d, WINOGRAD_F4, FUSED, s.o, x).text, dev_jobs(d, jobs),
                   ARGS(A_JOBS(d, jobs), A_MEM(x), A_INT(tiles), A_INT(group), A_INT(s.h), A_INT(s.w), A_INT(s.c),
                        A_INT(s.o), A_MEM(scratch.weight), A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y),
                        A_INT(partial.mem != NULL), A_MEM(partial), local_points(WINOGRAD_F4, group, s.c),
                        local_points(WINOGRAD_F4, group, width_of(d, FUSED, s.o))));
}

static enum vggcl_err fused_weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                            struct tensor x, struct tensor dy, struct tensor dweight,
                                            struct conv_scratch scratch) {
    (void)a;
    size_t tiles = tiles_of(WINOGRAD_F4, s), group = fused_gradient_group(d, s);
    size_t slab_tiles = quotient_up(quotient_up(tiles, most_slabs(d)), group) * group;
    size_t slabs = quotient_up(tiles, slab_tiles);
    TRY(dev_run(d, "winograd/winograd_fused_gradient", build_options(d, WINOGRAD_F4, FUSED_GRADIENT, s.o, x).text,
                dev_jobs(d, slabs),
                ARGS(A_JOBS(d, slabs), A_MEM(x), A_MEM(dy), A_INT(tiles), A_INT(slab_tiles), A_INT(group), A_INT(s.h),
                     A_INT(s.w), A_INT(s.c), A_INT(s.o), A_MEM(scratch.output), local_points(WINOGRAD_F4, group, s.c),
                     local_points(WINOGRAD_F4, group, s.o))));
    return winograd_weight_gradient(d, WINOGRAD_F4, s.c, s.o, slabs, scratch.output, dweight);
}

const struct conv_algorithm conv_winograd4_fused = {.name = "winograd4-fused",
                                                    .alpha = WINOGRAD_F4,
                                                    .scratch = fused_scratch,
                                                    .forward = fused_forward,
                                                    .slabs = fused_slabs,
                                                    .weight_gradient = fused_weight_gradient,
                                                    .can = fused_can,
                                                    .otherwise = &conv_winograd4};

/* ------------------------------------------------------------------------------------------------------ sliced -- */

/* The largest vector_width * 2^i up to most that divides c. */
static size_t fitting_depth(const struct dev *d, size_t c, size_t most) {
    size_t depth = dev_register_width(d);
    while (2 * depth <= most && c % (2 * depth) == 0)
        depth *= 2;
    return depth;
}

/* How winograd_sliced goes through a convolution: channels of a slice, tiles of a work-group. */
struct slicing {
    size_t depth, group;
};

/* The deepest slices that are not more than their part, and the tiles in even groups that leave room for them; no group
 * where nothing fits, which does not depend on the number of tiles. Fewer tiles to a group where there would be none
 * for some compute unit. */
static struct slicing slicing_of(const struct dev *d, int alpha, struct conv_shape s) {
    size_t width = width_of(d, SLICED, s.o), rows = rows_that_fit(d, alpha, width, 2), tiles = tiles_of(alpha, s);
    struct slicing slicing = {fitting_depth(d, s.c, rows / SLICE_PART), 0};
    if (slicing.depth >= rows)
        return slicing;
    size_t groups = quotient_up(tiles, rows - slicing.depth), wanted = quotient_up(d->info.compute_units, s.o / width);
    slicing.group = quotient_up(tiles, groups > wanted ? groups : wanted);
    return slicing;
}

static bool sliced_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, bool weight_gradient) {
    int alpha = a->alpha;
    if (!suits(d, s) || !winograd_fits(alpha, s))
        return false;
    if (weight_gradient)
        return fitting_depth(d, s.c, GRADIENT_DEPTH) <= rows_that_fit(d, alpha, width_of(d, SLICED_GRADIENT, s.o), 1);
    return slicing_of(d, alpha, s).group > 0;
}

/* Each chunk of images transforms the weights anew, but is read again and again, by each slice. */
static size_t sliced_chunk(const struct dev *d, int alpha, struct conv_shape s) {
    size_t wider = s.c > s.o ? s.c : s.o;
    return conv_chunk(d, s, winograd_points(alpha) * winograd_tiles(alpha, s.h, s.w) * wider, 0);
}

static size_t panel_words(int alpha, size_t tiles, size_t channels, size_t panel) {
    return channels / panel * winograd_points(alpha) * winograd_point_words(tiles, panel);
}

static struct conv_scratch_words sliced_scratch(const struct conv_algorithm *a, const struct dev *d,
                                                struct conv_shape s) {
    int alpha = a->alpha;
    size_t tiles = sliced_chunk(d, alpha, s) * winograd_tiles(alpha, s.h, s.w), narrowest = dev_register_width(d);
    return (struct conv_scratch_words){.input = panel_words(alpha, tiles, s.c, narrowest),
                                       .output = panel_words(alpha, tiles, s.o, narrowest)};
}

static size_t groups_of(const struct dev *d, int alpha, struct conv_shape s) {
    return s.n ? quotient_up(tiles_of(alpha, s), slicing_of(d, alpha, s).group) : 0;
}

/* A chunk's groups are slabs, behind those of the chunks before it. */
static size_t sliced_slabs(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    int alpha = a->alpha;
    struct conv_shape whole = s, rest = s;
    whole.n = sliced_chunk(d, alpha, s);
    rest.n = s.n % whole.n;
    return takes_statistics(alpha, s) ? s.n / whole.n * groups_of(d, alpha, whole) + groups_of(d, alpha, rest) : 0;
}

static enum vggcl_err sliced_forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                     struct tensor x, struct tensor weight, bool rotate, struct tensor bias,
                                     struct tensor y, struct tensor partial, struct conv_scratch scratch) {
    int alpha = a->alpha;
    size_t images = sliced_chunk(d, alpha, s), width = width_of(d, SLICED, s.o), slab = 0;
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = least(images, s.n - first);
        size_t tiles = tiles_of(alpha, part);
        struct slicing slicing = slicing_of(d, alpha, part);
        size_t groups = groups_of(d, alpha, part), jobs = s.o / width * groups;
        TRY(winograd_input(d, alpha, part, x, first, slicing.depth, scratch.input));
        TRY(dev_run(d, "winograd/winograd_sliced", build_options(d, alpha, SLICED, s.o, x).text, dev_jobs(d, jobs),
                    ARGS(A_JOBS(d, jobs), A_MEM(scratch.input), A_INT(first), A_INT(tiles), A_INT(slicing.group),
                         A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o), A_INT(slicing.depth), A_MEM(weight),
                         A_INT(rotate), A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y), A_INT(partial.mem != NULL),
                         A_INT(slab), A_MEM(partial), local_points(alpha, slicing.depth, width),
                         local_points(alpha, slicing.group, width))));
        slab += groups;
    }
    return VGGCL_OK;
}

static enum vggcl_err sliced_weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                             struct tensor x, struct tensor dy, struct tensor dweight,
                                             struct conv_scratch scratch) {
    int alpha = a->alpha;
    size_t images = sliced_chunk(d, alpha, s), width = width_of(d, SLICED_GRADIENT, s.o);
    size_t depth = fitting_depth(d, s.c, GRADIENT_DEPTH), jobs = s.c / depth * (s.o / width);
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = least(images, s.n - first);
        TRY(winograd_input(d, alpha, part, x, first, depth, scratch.input));
        TRY(winograd_gradient(d, alpha, part, dy, first, width, scratch.output));
        TRY(dev_run(d, "winograd/winograd_sliced_gradient", build_options(d, alpha, SLICED_GRADIENT, s.o, x).text,
                    dev_jobs(d, jobs),
                    ARGS(A_JOBS(d, jobs), A_MEM(scratch.input), A_MEM(scratch.output), A_INT(tiles_of(alpha, part)),
                         A_INT(s.c), A_INT(s.o), A_INT(depth), A_INT(first > 0), A_MEM(dweight),
                         local_points(alpha, depth, width))));
    }
    return VGGCL_OK;
}

const struct conv_algorithm conv_winograd4_sliced = {.name = "winograd4-sliced",
                                                     .alpha = WINOGRAD_F4,
                                                     .scratch = sliced_scratch,
                                                     .forward = sliced_forward,
                                                     .slabs = sliced_slabs,
                                                     .weight_gradient = sliced_weight_gradient,
                                                     .can = sliced_can,
                                                     .otherwise = &conv_winograd4};
const struct conv_algorithm conv_winograd2_lone_sliced = {.name = "winograd2-lone-sliced",
                                                          .alpha = WINOGRAD_LONE,
                                                          .scratch = sliced_scratch,
                                                          .forward = sliced_forward,
                                                          .slabs = sliced_slabs,
                                                          .weight_gradient = sliced_weight_gradient,
                                                          .can = sliced_can,
                                                          .otherwise = &conv_winograd2_lone};
