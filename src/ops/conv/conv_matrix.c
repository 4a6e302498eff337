#include "ops/conv/conv_matrix.h"
#include "cl/matrix.h"
#include "ops/channel.h"
#include "ops/conv/chunk.h"
#include "ops/conv/direct.h"

/* As in cl/conv_matrix.cl: channels of a pixel in a slot are followed by a gap; a panel of packed images by GAP_PIXELS
 * pixels. */
enum { GAP = 32, GAP_PIXELS = 1 };

/* Jobs per compute unit, so that all units finish at about the same time; and where a job is a sub-group's, of which a
 * unit runs several. */
enum { UNIT_JOBS = 4, UNIT_SUBGROUPS = 32 };

/* Pixels of a segment: the weights, which a CPU core's cache does not hold, are read once for each segment. Measured.
 */
enum { SEGMENT_PIXELS = 16 };

/* Weight gradient: the pixels that a job takes at a time, in tiles of 32 images, channels of a job in each direction,
 * and words of the sums of all slabs up to which slabs are preferred to jobs of fewer channels. Measured. */
enum { AREA_TILES = 32, JOB_CHANNELS = 64, SLAB_WORDS = 1 << 20 };

/* Pixels times channels of a piece of an image that is read before the next image's. */
enum { PACKED_RUN = 2048 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t largest(size_t a, size_t b) {
    return a > b ? a : b;
}

static size_t slices_of(size_t c) {
    return quotient_up(c, MATRIX_DEPTH);
}

size_t matrix_panel_tiles(size_t o) {
    return o % (2 * MATRIX_SIDE) == 0 ? 2 : 1;
}

/* Whether work-items are SIMD lanes, which hold a block together; else a work-item is on a CPU core of its own. */
static bool on_lanes(const struct dev *d) {
    return d->matrix->lanes > 1;
}

/* Wherever channels are whole tiles, and a panel whole blocks. */
static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                enum conv_direction direction) {
    (void)a;
    const struct matrix_backend *m = d->matrix;
    if (!m || (d->simt && !on_lanes(d)) || s.c % MATRIX_SIDE || s.o % MATRIX_SIDE)
        return false;
    if (on_lanes(d)) /* lanes_forward() reads whole steps from a pixel's channels */
        return s.c % MATRIX_DEPTH == 0 && s.o % (2 * MATRIX_SIDE) == 0;
    size_t rows = (size_t)m->rows, columns = (size_t)m->columns;
    if (direction == CONV_WEIGHT_GRADIENT)
        return s.c / MATRIX_SIDE % rows == 0 && s.o / MATRIX_SIDE % columns == 0;
    return matrix_panel_tiles(s.o) % columns == 0;
}

static struct kernel kernel_of(const char *name, const struct dev *d, size_t panel) {
    return kernel_make(name, "%s -DPANEL=%zu", matrix_options(d).text, panel);
}

static size_t words_of_tiles(const struct dev *d, size_t tiles) {
    return storage_words(tiles * MATRIX_SIDE * MATRIX_DEPTH, d->matrix->operands);
}

/* ------------------------------------------------------------------------------------------------------ packing -- */

size_t matrix_weight_words(const struct dev *d, size_t c, size_t o) {
    return words_of_tiles(d, 9 * slices_of(c) * (o / MATRIX_SIDE));
}

struct kernel matrix_weight_kernel(const struct dev *d, size_t o) {
    return kernel_of("conv_matrix/matrix_weight", d, matrix_panel_tiles(o));
}

enum vggcl_err matrix_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, bool rotated,
                             struct tensor weight, struct tensor packed) {
    return dev_launch(d, kernel, dev_grid(d, 9 * slices_of(c), 1),
                      ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_INT(rotated), A_MEM(packed)));
}

static size_t blocks_of(size_t images) {
    return quotient_up(images, MATRIX_DEPTH);
}

size_t matrix_packed_words(const struct dev *d, struct matrix_packing p) {
    return words_of_tiles(d, p.c / MATRIX_SIDE * (p.pixels + GAP_PIXELS) * blocks_of(p.n));
}

struct kernel matrix_images_kernel(const struct dev *d) {
    return kernel_of("conv_matrix/matrix_images", d, 2);
}

enum vggcl_err matrix_images(struct dev *d, struct kernel *kernel, struct matrix_packing p, struct tensor x,
                             size_t first, struct tensor packed) {
    size_t blocks = blocks_of(p.n), share = quotient_up(p.pixels * blocks, UNIT_JOBS * d->info.compute_units);
    size_t run = largest(1, least(PACKED_RUN / p.c, share));
    return dev_launch(d, kernel, dev_grid(d, quotient_up(p.pixels, run) * blocks, 1),
                      ARGS(A_MEM(x), A_INT(first), A_INT(p.n), A_INT(p.pixels), A_INT(p.c), A_INT(blocks), A_INT(run),
                           A_INT(p.rows), A_INT(p.panel), A_MEM(packed)));
}

/* ------------------------------------------------------------------------------------- forward and data gradient -- */

/* How matrix_forward divides a convolution. A job has `blocks` blocks of images, `band` segments of `segment` rows, and
 * `part` panels of outputs. */
struct division {
    size_t blocks, segment, band, part;
    size_t groups, segments, bands, parts; /* of all images, rows and outputs */
};

static size_t block_images(const struct dev *d) {
    return MATRIX_SIDE * (size_t)d->matrix->rows;
}

static size_t job_count(struct division v) {
    return v.groups * v.bands * v.parts;
}

/* Segments of SEGMENT_PIXELS, with several blocks if images are smaller than that; then bands and, where these are too
 * few jobs, parts of the outputs, because each part copies the images again. */
static struct division division_of(const struct dev *d, struct conv_shape s) {
    size_t units = d->info.compute_units, image_blocks = quotient_up(s.n, block_images(d));
    size_t panels = s.o / MATRIX_SIDE / matrix_panel_tiles(s.o);
    struct division v = {.blocks = 1, .segment = least(quotient_up(SEGMENT_PIXELS, s.w), s.h)};
    while (v.blocks * s.h * s.w < SEGMENT_PIXELS && 4 * v.blocks * units <= image_blocks)
        v.blocks *= 2;
    v.groups = quotient_up(image_blocks, v.blocks);
    v.segments = quotient_up(s.h, v.segment);
    v.band = v.segments;
    v.part = panels;
    v.bands = v.parts = 1;
    while (v.band > 1 && job_count(v) < UNIT_JOBS * units) {
        v.band = quotient_up(v.band, 2);
        v.bands = quotient_up(v.segments, v.band);
    }
    while (v.part > 1 && job_count(v) < UNIT_JOBS * units) {
        v.part = quotient_up(v.part, 2);
        v.parts = quotient_up(panels, v.part);
    }
    return v;
}

/* Of the rows of a segment with their neighbours, for each work-group. */
static size_t slot_words(const struct dev *d, struct conv_shape s, struct division v) {
    size_t ring = least(v.segment + 2, s.h), stride = slices_of(s.c) * MATRIX_DEPTH + GAP;
    return least(d->info.compute_units, job_count(v)) * v.blocks * ring * s.w * block_images(d) * stride / 2;
}

enum { PRODUCT, WEIGHT, IMAGES };

static void plan_forward(const struct dev *d, struct conv_plan *p) {
    p->kernels[WEIGHT] = matrix_weight_kernel(d, p->s.o);
    if (on_lanes(d)) {
        p->words.weight = matrix_weight_words(d, p->s.c, p->s.o);
        p->kernels[PRODUCT] = kernel_of("conv_matrix/lanes_forward", d, matrix_panel_tiles(p->s.o));
        return;
    }
    struct division v = division_of(d, p->s);
    p->slabs = p->s.n % (v.blocks * block_images(d)) == 0 ? v.groups * v.segments : 0;
    p->words =
        (struct conv_scratch_words){.weight = matrix_weight_words(d, p->s.c, p->s.o), .input = slot_words(d, p->s, v)};
    p->kernels[PRODUCT] = kernel_of("conv_matrix/matrix_forward", d, matrix_panel_tiles(p->s.o));
}

/* A work-group for each block: IMAGES images, a pixel and a panel. */
static enum vggcl_err forward_on_lanes(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    size_t panels = s.o / MATRIX_SIDE / matrix_panel_tiles(s.o),
           blocks = quotient_up(s.n, block_images(d)) * s.h * s.w * panels;
    return dev_launch(d, &p->kernels[PRODUCT], matrix_range(d, blocks),
                      ARGS(A_MEM(o->x), A_INT(s.n), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o),
                           A_MEM(o->scratch.weight), A_INT(o->bias.mem != NULL), A_MEM(o->bias), A_MEM(o->y)));
}

static enum vggcl_err forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    TRY(matrix_weight(d, &p->kernels[WEIGHT], s.c, s.o, p->direction == CONV_DATA_GRADIENT, o->weight,
                      o->scratch.weight));
    if (on_lanes(d))
        return forward_on_lanes(d, p, o);
    struct division v = division_of(d, s);
    size_t jobs = job_count(v);
    return dev_launch(d, &p->kernels[PRODUCT], dev_jobs(d, jobs),
                      ARGS(A_JOBS(d, jobs), A_MEM(o->x), A_INT(s.n), A_INT(s.h), A_INT(s.w), A_INT(s.c), A_INT(s.o),
                           A_INT(v.blocks), A_INT(v.segment), A_INT(v.band), A_INT(v.part), A_MEM(o->scratch.weight),
                           A_INT(o->bias.mem != NULL), A_MEM(o->bias), A_MEM(o->y), A_INT(o->statistics.mem != NULL),
                           A_MEM(o->statistics), A_MEM(o->scratch.input)));
}

/* ---------------------------------------------------------------------------------------------- weight gradient -- */

/* How matrix_gradient divides a weight gradient: panels of channels per job, rows per slab; rows and columns that a job
 * takes at a time. */
struct gradient_division {
    size_t rows, columns, slab_rows, slabs, jobs;
    size_t strip, run;
};

static size_t gradient_jobs(const struct dev *d, struct conv_shape s, struct gradient_division v) {
    return quotient_up(s.c / MATRIX_SIDE / (size_t)d->matrix->rows, v.rows) *
           quotient_up(s.o / MATRIX_SIDE / (size_t)d->matrix->columns, v.columns) * v.slabs;
}

/* More jobs are made of slabs while these are small, then of fewer channels per job, then of slabs again. Does not
 * depend on the number of images, so that all chunks have the same slabs. */
static struct gradient_division split_gradient(const struct dev *d, struct conv_shape s) {
    struct gradient_division v = {.rows = JOB_CHANNELS / MATRIX_SIDE / (size_t)d->matrix->rows,
                                  .columns = JOB_CHANNELS / MATRIX_SIDE / (size_t)d->matrix->columns,
                                  .slab_rows = s.h,
                                  .slabs = 1};
    while (gradient_jobs(d, s, v) < (on_lanes(d) ? UNIT_SUBGROUPS : UNIT_JOBS) * d->info.compute_units) {
        bool cheap = 9 * s.c * s.o * 2 * v.slabs <= SLAB_WORDS, divisible = v.slab_rows > 1;
        if (divisible && (cheap || v.rows * v.columns == 1)) {
            v.slab_rows = quotient_up(v.slab_rows, 2);
            v.slabs = quotient_up(s.h, v.slab_rows);
        } else if (v.rows * v.columns > 1)
            *(v.rows > v.columns ? &v.rows : &v.columns) /= 2;
        else
            break;
    }
    return v;
}

static struct gradient_division gradient_division_of(const struct dev *d, struct conv_shape s, size_t images) {
    struct gradient_division v = split_gradient(d, s);
    size_t blocks = blocks_of(images);
    v.jobs = gradient_jobs(d, s, v);
    v.run = least(s.w, largest(1, AREA_TILES / blocks));
    v.strip = largest(1, AREA_TILES / (blocks * s.w));
    return v;
}

static struct matrix_packing packing_of_x(const struct dev *d, struct conv_shape s, size_t images) {
    return (struct matrix_packing){images, s.h * s.w, s.c, true, (size_t)d->matrix->rows};
}

static struct matrix_packing packing_of_dy(const struct dev *d, struct conv_shape s, size_t images) {
    return (struct matrix_packing){images, s.h * s.w, s.o, false, (size_t)d->matrix->columns};
}

/* Chunks of about the same number of images, whole blocks of 32. */
static void plan_weight_gradient(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    size_t image_words = storage_words(s.h * s.w * (s.c + s.o), d->matrix->operands), weights = 9 * s.c * s.o;
    size_t most = largest(1, conv_chunk_images(context, s.n, image_words, 0) / MATRIX_DEPTH) * MATRIX_DEPTH;
    conv_cut(p, blocks_of(quotient_up(s.n, quotient_up(s.n, most))) * MATRIX_DEPTH);
    size_t images = least(p->whole.images, s.n), slabs = split_gradient(d, s).slabs;
    p->words = (struct conv_scratch_words){.input = matrix_packed_words(d, packing_of_x(d, s, images)),
                                           .output = matrix_packed_words(d, packing_of_dy(d, s, images))};
    if (slabs > 1) {
        p->words.weight = slabs * weights;
        p->words.product = channel_workspace(d, slabs, weights);
    }
    p->kernels[PRODUCT] = kernel_of("conv_matrix/matrix_gradient", d, 2);
    p->kernels[IMAGES] = matrix_images_kernel(d);
}

static enum vggcl_err weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    size_t slabs = split_gradient(d, s).slabs;
    struct tensor sums = slabs > 1 ? o->scratch.weight : o->weight;
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        size_t images = conv_chunk_at(p, first)->images;
        struct gradient_division v = gradient_division_of(d, s, images);
        TRY(matrix_images(d, &p->kernels[IMAGES], packing_of_x(d, s, images), o->x, first, o->scratch.input));
        TRY(matrix_images(d, &p->kernels[IMAGES], packing_of_dy(d, s, images), o->y, first, o->scratch.output));
        struct range range = on_lanes(d) ? matrix_range(d, v.jobs) : dev_jobs(d, v.jobs);
        TRY(dev_launch(d, &p->kernels[PRODUCT], range,
                       ARGS(A_JOBS(d, v.jobs), A_MEM(o->scratch.input), A_MEM(o->scratch.output), A_INT(s.h),
                            A_INT(s.w), A_INT(s.c), A_INT(s.o), A_INT(blocks_of(images)), A_INT(v.slab_rows),
                            A_INT(v.rows), A_INT(v.columns), A_INT(v.strip), A_INT(v.run), A_INT(first > 0),
                            A_MEM(sums))));
    }
    return slabs > 1 ? channel_sum(d, slabs, 9 * s.c * s.o, sums, o->weight, o->scratch.product) : VGGCL_OK;
}

/* Taps outside of an image are left out: rows and columns at the borders have two neighbours instead of three. */
static double operations(const struct conv_plan *p) {
    const struct conv_shape *s = &p->s;
    return 2.0 * (double)((3 * s->h - 2) * (3 * s->w - 2)) * (double)(s->n * s->c * s->o);
}

static enum vggcl_err plan(const struct context *context, struct conv_plan *p) {
    const struct matrix_backend *m = context->dev->matrix;
    if (p->stored != m->operands)
        return err_set(VGGCL_EUSAGE, "convolution algorithm matrix by %s multiplies %s; set precision to %s", m->name,
                       matrix_precision(m), matrix_precision(m));
    if (p->direction == CONV_WEIGHT_GRADIENT)
        plan_weight_gradient(context, p);
    else
        plan_forward(context->dev, p);
    return VGGCL_OK;
}

const struct conv_algorithm conv_matrix = {.name = "matrix",
                                           .kernels = "conv_matrix/*",
                                           .rounds_operands = true,
                                           .matrix = true,
                                           .operations = operations,
                                           .can = can,
                                           .otherwise = &conv_direct,
                                           .plan = plan,
                                           .forward = forward,
                                           .weight_gradient = weight_gradient};
