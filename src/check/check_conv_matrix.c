/* The operands of matrix instructions as cl/matrix.cl and cl/conv_matrix.cl lay them out. */
#include "check/check_conv.h"
#include "check/check_winograd.h"
#include "check/operators.h"
#include "cl/matrix.h"
#include "ops/conv/conv_matrix.h"
#include "ops/conv/winograd.h"
#include "ops/conv/winograd_matrix.h"

#include <math.h>

/* A tile has `SIDE` rows or columns, and DEPTH numbers of each. After the pixels of a panel is a gap of one. */
enum { SIDE = 16, DEPTH = 32, TILE = SIDE * DEPTH };

/* Of the numbers of a tile of words, [DEPTH / pack][column][pack]: the one of the DEPTH, and the column. */
static size_t depth_of(size_t pack, size_t i) {
    return i / (pack * SIDE) * pack + i % pack;
}
static size_t column_of(size_t pack, size_t i) {
    return i / pack % SIDE;
}

/* Numbers in a word of 32 bits. */
static size_t pack_of(const struct rig *rig) {
    return rig->dev->matrix->operands == STORED_FLOAT ? 1 : 2;
}

/* Number i of packed[panel of outputs][tap][slice of DEPTH channels][tile of the panel], where tap t is
 * weight[t][c][o], rounded. */
static struct sum packed_weight(const struct rig *rig, struct conv_shape s, const float *weight, size_t i) {
    size_t panel = s.o % (2 * SIDE) ? 1 : 2, slices = (s.c + DEPTH - 1) / DEPTH, tile = i / TILE;
    size_t slice = tile / panel % slices, tap = tile / panel / slices % 9;
    size_t o = (tile / panel / slices / 9 * panel + tile % panel) * SIDE + column_of(pack_of(rig), i % TILE);
    size_t c = slice * DEPTH + depth_of(pack_of(rig), i % TILE);
    return sum_exactly(c < s.c ? matrix_operand(rig->dev->matrix, weight[(tap * s.c + c) * s.o + o]) : 0);
}

static void weights(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o, packed = pack_of(rig) * matrix_weight_words(rig->dev, s.c, s.o);
    float *weight = rig_floats(rig, count, -1, 1), *rotated = rig_floats(rig, count, -1, 1);
    for (size_t i = 0; weight && rotated && i < count; i++)
        rotated[i] = reference_rotated(s.c, s.o, weight, i);
    struct tensor in = rig_upload(rig, count, weight), out = rig_poisoned_stored(rig, packed);
    struct kernel kernel = matrix_weight_kernel(rig->dev, s.o);
    RIG_RUN(rig, matrix_weight(rig->dev, &kernel, s.c, s.o, false, in, out));
    RIG_COMPARE(rig, "packed", RIG_FLOATS, out, 0, i, packed_weight(rig, s, weight, i));
    RIG_RUN(rig, matrix_weight(rig->dev, &kernel, s.c, s.o, true, in, out));
    RIG_COMPARE(rig, "packed rotated", RIG_FLOATS, out, 0, i, packed_weight(rig, s, rotated, i));
}

/* Where packed[panel of channels][pixel, and a gap of one][block of DEPTH images][tile of the panel] has number i from:
 * an index into [image][pixel][channel], or, of an image beyond the last, -1, or, in the gap, -2. */
static long unpacked(size_t pack, struct matrix_packing p, size_t i) {
    size_t tile = i / TILE, blocks = (p.n + DEPTH - 1) / DEPTH, block = tile / p.panel % blocks, at = i % TILE;
    size_t pixel = tile / p.panel / blocks % (p.pixels + 1), panel = tile / p.panel / blocks / (p.pixels + 1);
    size_t image = block * DEPTH + (p.rows ? at % DEPTH : depth_of(pack, at));
    size_t channel = (panel * p.panel + tile % p.panel) * SIDE + (p.rows ? at / DEPTH : column_of(pack, at));
    if (pixel == p.pixels)
        return -2;
    return image < p.n ? (long)((image * p.pixels + pixel) * p.c + channel) : -1;
}

/* The number at that place, rounded. */
static struct sum packed_image(const struct rig *rig, const float *x, long from) {
    return sum_exactly(from < 0 ? 0 : matrix_operand(rig->dev->matrix, x[from]));
}

/* The images start after one that does not belong to the chunk. The gap keeps its zeros. */
static void images(struct rig *rig, struct matrix_packing p) {
    size_t pack = pack_of(rig), plane = p.pixels * p.c, count = (p.n + 1) * plane;
    size_t packed = pack * matrix_packed_words(rig->dev, p);
    float *x = rig_activations(rig, count), *poison = rig_floats(rig, packed, 0, 1);
    for (size_t i = 0; poison && i < packed; i++)
        poison[i] = unpacked(pack, p, i) == -2 ? 0 : NAN;
    struct tensor in = rig_upload_stored(rig, count, x), out = rig_upload_stored(rig, packed, poison);
    struct kernel kernel = matrix_images_kernel(rig->dev);
    RIG_RUN(rig, matrix_images(rig->dev, &kernel, p, in, 1, out));
    RIG_COMPARE(rig, p.rows ? "packed rows" : "packed columns", RIG_FLOATS, out, 0, i,
                packed_image(rig, x + plane, unpacked(pack, p, i)));
}

static void both_images(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    for (size_t panel = 1; panel <= 2; panel++) {
        if (s.c / SIDE % panel == 0)
            images(rig, (struct matrix_packing){s.n, s.h * s.w, s.c, true, panel});
        if (s.o / SIDE % panel == 0)
            images(rig, (struct matrix_packing){s.n, s.h * s.w, s.o, false, panel});
    }
}

/* Element i of packed[panel of outputs][point][slice][tile of the panel], not rounded. */
static struct sum packed_points(int alpha, struct conv_shape s, const float *weight, size_t i) {
    size_t panel = s.o % (2 * SIDE) ? 1 : 2, slices = (s.c + DEPTH - 1) / DEPTH, tile = i / TILE;
    size_t slice = tile / panel % slices, point = tile / panel / slices % winograd_points(alpha);
    size_t columns = tile / panel / slices / winograd_points(alpha) * panel + tile % panel;
    size_t c = slice * DEPTH + depth_of(2, i % TILE), o = columns * SIDE + column_of(2, i % TILE);
    return c < s.c ? reference_winograd_weight(alpha, s.c, s.o, weight,
                                               point * winograd_point_words(s.c, s.o) + c * s.o + o)
                   : sum_exactly(0);
}

/* The transform makes fewer roundings than its 9 terms. */
static void points(struct rig *rig, const struct check *check, struct conv_shape s) {
    int alpha = check->algorithm->alpha;
    size_t count = 9 * s.c * s.o, packed = 2 * winograd_matrix_weight_words(alpha, s.c, s.o);
    float *weight = rig_floats(rig, count, -1, 1), *rotated = rig_floats(rig, count, -1, 1);
    for (size_t i = 0; weight && rotated && i < count; i++)
        rotated[i] = reference_rotated(s.c, s.o, weight, i);
    struct tensor in = rig_upload(rig, count, weight), out = rig_poisoned_stored(rig, packed);
    struct kernel kernel = winograd_matrix_weight_kernel(rig->dev, alpha, s.o);
    RIG_RUN(rig, winograd_matrix_weight(rig->dev, &kernel, s.c, s.o, false, in, out));
    RIG_COMPARE(rig, "u", RIG_FLOATS, out, 9, i, packed_points(alpha, s, weight, i));
    RIG_RUN(rig, winograd_matrix_weight(rig->dev, &kernel, s.c, s.o, true, in, out));
    RIG_COMPARE(rig, "u of the rotated", RIG_FLOATS, out, 9, i, packed_points(alpha, s, rotated, i));
}

static bool rounds_points(const struct conv_algorithm *a) {
    return a->alpha && a->matrix;
}

const struct check conv_matrix_checks[] = {
    CHECK_OF(&conv_matrix, FORWARD | BACK, "weight packing", "conv_matrix/matrix_weight", C | O, weights),
    CHECK_OF(&conv_matrix, WEIGHTS, "image packing", "conv_matrix/matrix_images", CONV, both_images),
    CHECK_OF_EACH(rounds_points, FORWARD | BACK, "weight transform", "winograd_matrix/winograd_matrix_weight", C | O,
                  points),
    {0},
};
