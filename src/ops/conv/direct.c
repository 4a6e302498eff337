#include "ops/conv/direct.h"
#include "ops/channel.h"
#include "ops/conv/im2col.h"
#include "ops/context.h"

/* A work-item keeps the sums of `pixels` x `columns` vectors in registers: SUMS vectors on a CPU core; with simt, where
 * a work-item has fewer registers, those of one column. */
enum { SUMS = 16, GRADIENT_PIXELS = 16, SIMT_PIXELS = 4 };

/* Number of slabs; more if a work-item would exceed dev_most_rounds(). */
enum { FORWARD_SLABS = 256, GRADIENT_SLABS = 64, SIMT_GRADIENT_SLABS = 2048 };

/* Iterations of the loops over the neighbours of a run of pixels, counted as if no loop were unrolled. */
static size_t load_rounds(struct conv_shape s, size_t pixels) {
    return 3 * (pixels + 2) * (s.c + 1) + 3;
}

/* How direct_forward divides a convolution: vectors of output channels and pixels whose sums are in registers at a time
 * (a run of pixels); runs per slab, which one work-item computes; number of slabs. */
struct runs {
    size_t columns, pixels, slab_runs, slabs;
};

static struct runs runs_of(const struct dev *d, struct conv_shape s) {
    size_t columns = channel_columns(d, s.o), pixels = d->simt ? SIMT_PIXELS : SUMS / columns;
    size_t runs = quotient_up(s.w, pixels) * s.n * s.h;
    size_t rounds = load_rounds(s, pixels) + (9 * s.c + 4) * (columns + 1) * (pixels + 1);
    struct slabbing slabbing = {FORWARD_SLABS, 1, d->simt ? 1 : dev_most_rounds(d) / rounds};
    return (struct runs){columns, pixels, slab_rows(slabbing, runs), slab_count(slabbing, runs)};
}

static size_t gradient_pixels(const struct dev *d) {
    return d->simt ? SIMT_PIXELS : GRADIENT_PIXELS;
}

static struct slabbing gradient_slabbing(const struct dev *d, struct conv_shape s) {
    size_t columns = channel_columns(d, s.o), pixels = gradient_pixels(d), runs = quotient_up(s.w, pixels);
    size_t run_rounds = load_rounds(s, pixels) + columns * (9 * s.c + 1) * (pixels + 2);
    return (struct slabbing){d->simt ? SIMT_GRADIENT_SLABS : GRADIENT_SLABS, 1,
                             dev_most_rounds(d) / (runs * run_rounds)};
}

static struct kernel kernel_of(const char *name, const struct dev *d, const struct conv_plan *p, size_t pixels,
                               size_t columns) {
    return kernel_make(name, "%s -DCHANNELS=%zu -DPIXELS=%zu -DCOLUMNS=%zu",
                       dev_stored_option(d, (int)p->s.o, p->stored), p->s.c, pixels, columns);
}

/* s.c of a data gradient is the number of output channels, which is usually large: im2col computes it then. */
static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                enum conv_direction direction) {
    (void)a, (void)d, (void)direction;
    return s.c <= DIRECT_CHANNELS;
}

enum { DIRECT, ROTATE };

/* All images are one chunk, divided into chunk->groups slabs of chunk->group runs of pixels (forward) or rows
 * (gradient). */
static enum vggcl_err plan(const struct context *context, struct conv_plan *p) {
    const struct dev *d = context->dev;
    const struct conv_shape s = p->s;
    struct conv_chunk *chunk = &p->rest;
    size_t weights = 9 * s.c * s.o, rows = s.n * s.h;
    if (p->direction == CONV_WEIGHT_GRADIENT) {
        struct slabbing slabbing = gradient_slabbing(d, s);
        chunk->group = slab_rows(slabbing, rows);
        chunk->groups = slab_count(slabbing, rows);
        p->words = (struct conv_scratch_words){.input = chunk->groups * weights,
                                               .output = channel_workspace(d, chunk->groups, weights)};
        p->kernels[DIRECT] = kernel_of("direct/direct_gradient", d, p, gradient_pixels(d), channel_columns(d, s.o));
        return VGGCL_OK;
    }
    struct runs r = runs_of(d, s);
    chunk->group = r.slab_runs;
    chunk->groups = r.slabs;
    p->slabs = s.w % r.pixels == 0 && !d->simt ? r.slabs : 0;
    p->words = (struct conv_scratch_words){.weight = p->direction == CONV_DATA_GRADIENT ? weights : 0};
    p->kernels[DIRECT] = kernel_of("direct/direct_forward", d, p, r.pixels, r.columns);
    p->kernels[ROTATE] = rotate_weight_kernel(d, s.c, s.o);
    return VGGCL_OK;
}

/* One work-item for each slab and each group of channel_columns() vectors of output channels. */
static struct range work_items(const struct dev *d, const struct conv_plan *p) {
    size_t vectors = p->s.o / (size_t)dev_vector_width(d, (int)p->s.o);
    return dev_grid(d, vectors / channel_columns(d, p->s.o) * p->rest.groups, 1);
}

static enum vggcl_err forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    struct tensor weight = o->weight;
    if (p->direction == CONV_DATA_GRADIENT) {
        TRY(rotate_weight(d, &p->kernels[ROTATE], s.c, s.o, weight, o->scratch.weight));
        weight = o->scratch.weight;
    }
    return dev_launch(d, &p->kernels[DIRECT], work_items(d, p),
                      ARGS(A_MEM(o->x), A_INT(s.n * s.h), A_INT(s.h), A_INT(s.w), A_INT(s.o), A_INT(p->rest.group),
                           A_MEM(weight), A_INT(o->bias.mem != NULL), A_MEM(o->bias), A_MEM(o->y),
                           A_INT(o->statistics.mem != NULL), A_MEM(o->statistics)));
}

/* Computes the gradient of each slab, then their sum. */
static enum vggcl_err weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    TRY(dev_launch(d, &p->kernels[DIRECT], work_items(d, p),
                   ARGS(A_MEM(o->x), A_MEM(o->y), A_INT(s.n * s.h), A_INT(s.h), A_INT(s.w), A_INT(s.o),
                        A_INT(p->rest.group), A_MEM(o->scratch.input))));
    return channel_sum(d, p->rest.groups, 9 * s.c * s.o, o->scratch.input, o->weight, o->scratch.output);
}

const struct conv_algorithm conv_direct = {.name = "direct",
                                           .kernels = "direct/*",
                                           .can = can,
                                           .otherwise = &conv_im2col,
                                           .plan = plan,
                                           .forward = forward,
                                           .weight_gradient = weight_gradient};
