#include "ops/conv/winograd_matrix.h"
#include "cl/matrix.h"
#include "ops/channel.h"
#include "ops/context.h"
#include "ops/conv/conv_matrix.h"
#include "ops/conv/winograd.h"

/* As in cl/winograd_matrix.cl: a transformed tile's channels, and a point's tiles, are followed by a gap. */
enum { NUMBERS_GAP = 32 };

/* Tiles that a job transforms at a time: their transforms stay in a CPU core's cache. Measured. */
enum { GROUP_TILES = 32 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Channels in whole slices of MATRIX_DEPTH. */
static size_t sliced(size_t c) {
    return quotient_up(c, MATRIX_DEPTH) * MATRIX_DEPTH;
}

/* Wherever channels are whole tiles, and a panel whole blocks; weight gradients are left to direct products. */
static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                enum conv_direction direction) {
    const struct matrix_backend *m = d->matrix;
    return m && m->lanes == 1 && direction != CONV_WEIGHT_GRADIENT && winograd_fits(a->alpha, s) &&
           s.c % MATRIX_SIDE == 0 && s.o % MATRIX_SIDE == 0 && matrix_panel_tiles(s.o) % (size_t)m->columns == 0;
}

static struct kernel kernel_of(const char *name, const struct dev *d, int alpha, size_t o) {
    return kernel_make(name, "%s -DMATRIX=%d -DPANEL=%zu", winograd_options(d, alpha, MATRIX_SIDE, STORED_BF16).text,
                       d->matrix->number, matrix_panel_tiles(o));
}

size_t winograd_matrix_weight_words(int alpha, size_t c, size_t o) {
    return winograd_points(alpha) * sliced(c) * o / 2;
}

struct kernel winograd_matrix_weight_kernel(const struct dev *d, int alpha, size_t o) {
    return kernel_of("winograd_matrix/winograd_matrix_weight", d, alpha, o);
}

enum vggcl_err winograd_matrix_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, bool rotated,
                                      struct tensor weight, struct tensor packed) {
    return dev_launch(d, kernel, dev_grid(d, sliced(c) / MATRIX_DEPTH * (o / MATRIX_SIDE), 1),
                      ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_INT(rotated), A_MEM(packed)));
}

/* Groups are smaller if some compute units would get none otherwise. */
static size_t group_of(const struct dev *d, size_t tiles) {
    size_t rows = MATRIX_SIDE * (size_t)d->matrix->rows, share = quotient_up(tiles, 2 * d->info.compute_units);
    return least(GROUP_TILES, quotient_up(share, rows) * rows);
}

/* Words of a group's transformed inputs and sums, for each work-group. */
static size_t slots_words(const struct dev *d, int alpha, struct conv_shape s, const struct conv_chunk *chunk) {
    size_t inputs = (chunk->group * (sliced(s.c) + NUMBERS_GAP) + NUMBERS_GAP) / 2;
    size_t sums = winograd_point_words(chunk->group, MATRIX_SIDE * matrix_panel_tiles(s.o));
    return least(d->info.compute_units, chunk->groups) * winograd_points(alpha) * (inputs + sums);
}

enum { PRODUCT, WEIGHT };

/* All images are one chunk. */
static enum vggcl_err plan(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    struct conv_chunk *chunk = &p->rest;
    int alpha = p->algorithm->alpha;
    if (p->stored != STORED_BF16)
        return err_set(VGGCL_EUSAGE, "convolution algorithm %s needs activations in bfloat16: set precision to bf16",
                       p->algorithm->name);
    chunk->tiles = s.n * winograd_tiles(alpha, s.h, s.w);
    chunk->group = group_of(d, chunk->tiles);
    chunk->groups = quotient_up(chunk->tiles, chunk->group);
    p->slabs = s.h % winograd_side(alpha) == 0 && s.w % winograd_side(alpha) == 0 ? chunk->groups : 0;
    p->words = (struct conv_scratch_words){.weight = winograd_matrix_weight_words(alpha, s.c, s.o),
                                           .input = slots_words(d, alpha, s, chunk)};
    p->kernels[PRODUCT] = kernel_of("winograd_matrix/winograd_matrix", d, alpha, s.o);
    p->kernels[WEIGHT] = winograd_matrix_weight_kernel(d, alpha, s.o);
    return VGGCL_OK;
}

static enum vggcl_err forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    const struct conv_chunk *chunk = &p->rest;
    TRY(winograd_matrix_weight(d, &p->kernels[WEIGHT], s.c, s.o, p->direction == CONV_DATA_GRADIENT, o->weight,
                               o->scratch.weight));
    return dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, chunk->groups),
                      ARGS(A_JOBS(d, chunk->groups), A_MEM(o->x), A_INT(chunk->tiles), A_INT(chunk->group), A_INT(s.h),
                           A_INT(s.w), A_INT(s.c), A_INT(s.o), A_MEM(o->scratch.weight), A_INT(o->bias.mem != NULL),
                           A_MEM(o->bias), A_MEM(o->y), A_INT(o->statistics.mem != NULL), A_MEM(o->statistics),
                           A_MEM(o->scratch.input)));
}

const struct conv_algorithm conv_winograd2_matrix = {.name = "winograd2-matrix",
                                                     .kernels = "winograd_matrix/*",
                                                     .alpha = WINOGRAD_F2,
                                                     .matrix = true,
                                                     .can = can,
                                                     .otherwise = &conv_matrix,
                                                     .operations = winograd_operations,
                                                     .plan = plan,
                                                     .forward = forward};

const struct conv_algorithm conv_winograd2_lone_matrix = {.name = "winograd2-lone-matrix",
                                                          .kernels = "winograd_matrix/*",
                                                          .alpha = WINOGRAD_LONE,
                                                          .matrix = true,
                                                          .can = can,
                                                          .otherwise = &conv_winograd2_matrix,
                                                          .operations = winograd_operations,
                                                          .plan = plan,
                                                          .forward = forward};
