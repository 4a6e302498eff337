/* winograd_fused.c - Winograd's F(4x4, 3x3) in one pass over the images, their transformed tiles in local memory. On a
 * CPU that is a part of its cache, which the tiles then never leave. What does not fit is left to conv_winograd4. */
#include "ops/winograd.h"

#include <stdio.h>

/* F(4x4, 3x3), and the register tiles of the products: measured, like the most tiles that are worth a group. */
enum { TILE = 4, FORWARD_ROWS = 6, FORWARD_MOST = 18, GRADIENT_ROWS = 4, GRADIENT_MOST = 28, COLUMNS = 4 };

/* Slabs of the weight gradient for each compute unit, so that the units finish together; and at most. */
enum { UNIT_SLABS = 4, MOST_SLABS = 32 };

static size_t tiles_of(struct conv_shape s) {
    return s.n * winograd_tiles(TILE, s.h, s.w);
}

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t columns(const struct dev *d, size_t o) {
    size_t vectors = o / (size_t)d->vector_width, columns = COLUMNS;
    while (vectors % columns)
        columns /= 2;
    return columns;
}

struct options {
    char text[80];
};

static struct options build_options(const struct dev *d, size_t o, int rows, struct tensor x) {
    struct options options;
    snprintf(options.text, sizeof options.text, "-DTILE=%d %s -DROWS=%d -DCOLUMNS=%zu", TILE,
             dev_stored_option(d, d->vector_width, x), rows, columns(d, o));
    return options;
}

/* How many tiles of tile_words each, transformed and multiplied, fit into local memory: a multiple of step up to most,
 * or 0. */
static size_t fitting_group(const struct dev *d, size_t tile_words, size_t step, size_t most) {
    return least(most, (size_t)d->info.local_memory / 4 / (winograd_points(TILE) * tile_words)) / step * step;
}

static bool whole_vectors(const struct dev *d, struct conv_shape s) {
    return s.c % (size_t)d->vector_width == 0 && s.o % (size_t)d->vector_width == 0;
}

/* 0 where the shape is left to conv_winograd4; fewer tiles where there would be none for some compute unit. */
static size_t forward_group(const struct dev *d, struct conv_shape s) {
    if (!whole_vectors(d, s))
        return 0;
    size_t group = fitting_group(d, s.c + columns(d, s.o) * (size_t)d->vector_width, FORWARD_ROWS, FORWARD_MOST);
    size_t units = 2 * d->info.compute_units, share = (tiles_of(s) + units - 1) / units;
    return least(group, (share + FORWARD_ROWS - 1) / FORWARD_ROWS * FORWARD_ROWS);
}

static size_t gradient_group(const struct dev *d, struct conv_shape s) {
    return whole_vectors(d, s) ? fitting_group(d, s.c + s.o, GRADIENT_ROWS, GRADIENT_MOST) : 0;
}

static size_t most_slabs(const struct dev *d) {
    return least(UNIT_SLABS * d->info.compute_units, MOST_SLABS);
}

static bool can(const struct dev *d, struct conv_shape s, bool weight_gradient) {
    return (weight_gradient ? gradient_group(d, s) : forward_group(d, s)) > 0;
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    (void)a;
    struct conv_scratch_words words = {0}, fallback = conv_winograd4.scratch(&conv_winograd4, d, s);
    size_t u = winograd_points(TILE) * s.c * s.o, group = gradient_group(d, s);
    if (!group || !forward_group(d, s))
        words = fallback;
    if (words.weight < u)
        words.weight = u;
    if (group) {
        size_t slabs = least(most_slabs(d), (tiles_of(s) + group - 1) / group);
        if (words.output < slabs * u)
            words.output = slabs * u;
    }
    return words;
}

static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct conv_scratch scratch) {
    (void)a;
    size_t tiles = tiles_of(s), group = forward_group(d, s), tile_bytes = 4 * winograd_points(TILE) * group;
    if (!group)
        return conv_winograd4.forward(&conv_winograd4, d, s, x, weight, rotate, bias, y, scratch);
    TRY(winograd_weight(d, TILE, s.c, s.o, 0, s.o, weight, rotate, scratch.weight));
    return dev_run(d, "winograd/winograd_fused", build_options(d, s.o, FORWARD_ROWS, x).text,
                   RANGE_SINGLE((tiles + group - 1) / group, 1, 1),
                   ARGS(A_MEM(x), A_INT(tiles), A_INT(group), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o),
                        A_MEM(scratch.weight), A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y),
                        A_LOCAL(tile_bytes * s.c), A_LOCAL(tile_bytes * columns(d, s.o) * (size_t)d->vector_width)));
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    (void)a;
    size_t tiles = tiles_of(s), group = gradient_group(d, s), tile_bytes = 4 * winograd_points(TILE) * group;
    if (!group)
        return conv_winograd4.weight_gradient(&conv_winograd4, d, s, x, dy, dweight, scratch);
    size_t slab_tiles = ((tiles + most_slabs(d) - 1) / most_slabs(d) + group - 1) / group * group;
    size_t slabs = (tiles + slab_tiles - 1) / slab_tiles;
    TRY(dev_run(
        d, "winograd/winograd_fused_gradient", build_options(d, s.o, GRADIENT_ROWS, x).text, RANGE_SINGLE(slabs, 1, 1),
        ARGS(A_MEM(x), A_MEM(dy), A_INT(tiles), A_INT(slab_tiles), A_INT(group), A_INT(s.h), A_INT(s.w), A_INT(s.c),
             A_INT(s.o), A_MEM(scratch.output), A_LOCAL(tile_bytes * s.c), A_LOCAL(tile_bytes * s.o))));
    return winograd_weight_gradient(d, TILE, s.c, s.o, slabs, scratch.output, dweight);
}

const struct conv_algorithm conv_winograd4_fused = {"winograd4-fused", TILE, scratch_words, NULL, forward,
                                                    weight_gradient,   can};
