#include "ops/winograd.h"

#include <stdio.h>

size_t winograd_points(int tile) {
    return (size_t)(tile + 2) * (size_t)(tile + 2);
}

size_t winograd_tiles(int tile, size_t h, size_t w) {
    size_t t = (size_t)tile;
    return (h + t - 1) / t * ((w + t - 1) / t);
}

struct options {
    char text[48];
};

static struct options build_options(const struct dev *d, int tile, size_t channels, struct tensor like) {
    struct options options;
    snprintf(options.text, sizeof options.text, "-DTILE=%d %s", tile, dev_stored_option(d, (int)channels, like));
    return options;
}

static struct range blocks_of(const struct dev *d, size_t count, size_t channels) {
    return RANGE(count * (channels / (size_t)dev_vector_width(d, (int)channels)));
}

enum vggcl_err winograd_input(struct dev *d, int tile, struct conv_shape s, struct tensor x, size_t first_image,
                              struct tensor v) {
    size_t tiles = s.n * winograd_tiles(tile, s.h, s.w);
    return dev_run(d, "winograd/winograd_input", build_options(d, tile, s.c, x).text, blocks_of(d, tiles, s.c),
                   ARGS(A_MEM(x), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_MEM(v)));
}

enum vggcl_err winograd_output(struct dev *d, int tile, struct conv_shape s, struct tensor m, size_t first_image,
                               struct tensor bias, struct tensor y) {
    size_t tiles = s.n * winograd_tiles(tile, s.h, s.w);
    return dev_run(d, "winograd/winograd_output", build_options(d, tile, s.o, y).text, blocks_of(d, tiles, s.o),
                   ARGS(A_MEM(m), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.o),
                        A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y)));
}

enum vggcl_err winograd_gradient(struct dev *d, int tile, struct conv_shape s, struct tensor dy, size_t first_image,
                                 struct tensor z) {
    size_t tiles = s.n * winograd_tiles(tile, s.h, s.w);
    return dev_run(d, "winograd/winograd_gradient", build_options(d, tile, s.o, dy).text, blocks_of(d, tiles, s.o),
                   ARGS(A_MEM(dy), A_INT(first_image), A_INT(tiles), A_INT(s.h), A_INT(s.w), A_INT(s.o), A_MEM(z)));
}

/* Transformed weights of more words than a CPU's caches hold go in strips as wide as gemm.c's tiles: each stays in the
 * caches from its making to its use. Measured. */
enum { CPU_WORDS = 1 << 22, CPU_STRIP = 64 };

size_t winograd_strip(const struct dev *d, int tile, size_t c, size_t o) {
    bool large = d->info.type == VGGCL_CPU && winograd_points(tile) * c * o > CPU_WORDS;
    return large && o % CPU_STRIP == 0 ? CPU_STRIP : o;
}

enum vggcl_err winograd_weight(struct dev *d, int tile, size_t c, size_t o, size_t first, size_t columns,
                               struct tensor weight, bool rotate, struct tensor u) {
    size_t divided = rotate ? c | columns : columns, width = (size_t)dev_vector_width(d, (int)divided);
    return dev_run(d, rotate ? "winograd/winograd_weight_rotated" : "winograd/winograd_weight",
                   build_options(d, tile, divided, weight).text, RANGE(columns / width * (rotate ? c / width : c)),
                   ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_INT(first), A_INT(columns), A_MEM(u)));
}

enum vggcl_err winograd_weight_gradient(struct dev *d, int tile, size_t c, size_t o, size_t parts, struct tensor du,
                                        struct tensor dweight) {
    struct range range = blocks_of(d, c, o);
    return dev_run(d, "winograd/winograd_weight_gradient", build_options(d, tile, o, dweight).text, range,
                   ARGS(A_MEM(du), A_INT(range.global[0]), A_INT(parts), A_MEM(dweight)));
}

/* ------------------------------------------------------------------------------------------- the convolutions -- */

static size_t chunk(const struct dev *d, int tile, struct conv_shape s) {
    size_t points = winograd_points(tile);
    return conv_chunk(d, s, points * winograd_tiles(tile, s.h, s.w) * (s.c + s.o), points * s.c * s.o);
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    int tile = a->tile;
    size_t points = winograd_points(tile), tiles = chunk(d, tile, s) * winograd_tiles(tile, s.h, s.w);
    return (struct conv_scratch_words){points * s.c * s.o, points * tiles * s.c, points * tiles * s.o};
}

static struct gemm_shape product(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    size_t tiles = chunk(d, a->tile, s) * winograd_tiles(a->tile, s.h, s.w);
    return (struct gemm_shape){tiles, winograd_strip(d, a->tile, s.c, s.o), s.c, winograd_points(a->tile)};
}

/* A batch of matrices, one a point, each rows x columns without gaps. */
static struct matrix per_point(struct tensor data, size_t rows, size_t columns) {
    return (struct matrix){data, 0, columns, rows * columns, false};
}

/* The strip of transformed weights that begins with column first. */
static struct matrix strip_of(struct tensor data, int tile, size_t c, size_t first, size_t strip) {
    struct matrix m = per_point(data, c, strip);
    m.offset = first * winograd_points(tile) * c;
    return m;
}

/* Those columns of rows x o matrices. */
static struct matrix columns_of(struct tensor data, size_t rows, size_t o, size_t first) {
    struct matrix m = per_point(data, rows, o);
    m.offset = first;
    return m;
}

/* Each strip of weights is transformed just before the first chunk of images is multiplied by it. */
static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct conv_scratch scratch) {
    int tile = a->tile;
    size_t points = winograd_points(tile), images = chunk(d, tile, s), strip = winograd_strip(d, tile, s.c, s.o);
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        size_t tiles = part.n * winograd_tiles(tile, s.h, s.w);
        TRY(winograd_input(d, tile, part, x, first, scratch.input));
        for (size_t column = 0; column < s.o; column += strip) {
            if (first == 0)
                TRY(winograd_weight(d, tile, s.c, s.o, column, strip, weight, rotate, scratch.weight));
            TRY(gemm(d, tiles, strip, s.c, per_point(scratch.input, tiles, s.c),
                     strip_of(scratch.weight, tile, s.c, column, strip), GEMM_SET,
                     columns_of(scratch.output, tiles, s.o, column), points));
        }
        TRY(winograd_output(d, tile, part, scratch.output, first, bias, y));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    int tile = a->tile;
    size_t points = winograd_points(tile), images = chunk(d, tile, s);
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        size_t tiles = part.n * winograd_tiles(tile, s.h, s.w);
        struct matrix v = per_point(scratch.input, tiles, s.c);
        v.transposed = true;
        TRY(winograd_input(d, tile, part, x, first, scratch.input));
        TRY(winograd_gradient(d, tile, part, dy, first, scratch.output));
        TRY(gemm(d, s.c, s.o, tiles, v, per_point(scratch.output, tiles, s.o), first ? GEMM_ADD : GEMM_SET,
                 per_point(scratch.weight, s.c, s.o), points));
    }
    return winograd_weight_gradient(d, tile, s.c, s.o, 1, scratch.weight, dweight);
}

const struct conv_algorithm conv_winograd2 = {"winograd2", 2, scratch_words, product, forward, weight_gradient, NULL};
const struct conv_algorithm conv_winograd4 = {"winograd4", 4, scratch_words, product, forward, weight_gradient, NULL};
