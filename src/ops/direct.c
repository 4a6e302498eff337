/* direct.c - convolution of few channels, the network's first one, straight from the definition. */
#include "ops/direct.h"
#include "ops/channel.h"
#include "ops/im2col.h"

#include <stdio.h>

/* PIXELS * COLUMNS sums stay in a core's vector registers; a lane has room for one column, and its inputs. */
enum { SUMS = 16, GRADIENT_PIXELS = 16, SIMT_PIXELS = 4 };

/* Slabs, as long as their work-items stay within dev_most_rounds(). */
enum { FORWARD_SLABS = 256, GRADIENT_SLABS = 64, SIMT_GRADIENT_SLABS = 2048 };

struct options {
    char text[96];
};

static struct options build_options(const struct dev *d, struct conv_shape s, struct tensor x, int pixels,
                                    size_t columns) {
    struct options options;
    snprintf(options.text, sizeof options.text, "%s -DCHANNELS=%zu -DPIXELS=%d -DCOLUMNS=%zu",
             dev_stored_option(d, (int)s.o, x), s.c, pixels, columns);
    return options;
}

/* Rounds of the loops over the neighbours of a run of pixels, were none unrolled. */
static size_t load_rounds(struct conv_shape s, size_t pixels) {
    return 3 * (pixels + 2) * (s.c + 1) + 3;
}

/* How direct_forward goes through a convolution: vectors and pixels whose sums are in registers at a time; such runs of
 * pixels that a work-item does. */
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

enum vggcl_err direct_forward(struct dev *d, struct conv_shape s, struct tensor x, struct tensor weight,
                              struct tensor bias, struct tensor y, struct tensor partial) {
    struct runs r = runs_of(d, s);
    size_t blocks = s.o / (size_t)dev_vector_width(d, (int)s.o) / r.columns;
    return dev_run(d, "direct/direct_forward", build_options(d, s, x, (int)r.pixels, r.columns).text,
                   dev_grid(d, blocks * r.slabs, 1),
                   ARGS(A_MEM(x), A_INT(s.n * s.h), A_INT(s.h), A_INT(s.w), A_INT(s.o), A_INT(r.slab_runs),
                        A_MEM(weight), A_INT(bias.mem != NULL), A_MEM(bias), A_MEM(y), A_INT(partial.mem != NULL),
                        A_MEM(partial)));
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

size_t direct_slabs(const struct dev *d, struct conv_shape s) {
    return slab_count(gradient_slabbing(d, s), s.n * s.h);
}

enum vggcl_err direct_gradient(struct dev *d, struct conv_shape s, struct tensor x, struct tensor dy,
                               struct tensor partial) {
    size_t vectors = s.o / (size_t)dev_vector_width(d, (int)s.o), columns = channel_columns(d, s.o);
    return dev_run(d, "direct/direct_gradient", build_options(d, s, x, (int)gradient_pixels(d), columns).text,
                   dev_grid(d, vectors / columns * direct_slabs(d, s), 1),
                   ARGS(A_MEM(x), A_MEM(dy), A_INT(s.n * s.h), A_INT(s.h), A_INT(s.w), A_INT(s.o),
                        A_INT(slab_rows(gradient_slabbing(d, s), s.n * s.h)), A_MEM(partial)));
}

/* ------------------------------------------------------------------------------------------- the convolutions -- */

/* The data gradient of few channels has many: im2col takes those. */
static bool can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, bool weight_gradient) {
    (void)a, (void)d, (void)weight_gradient;
    return s.c <= DIRECT_CHANNELS;
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    (void)a;
    size_t weights = 9 * s.c * s.o, slabs = slab_room(gradient_slabbing(d, s), s.n * s.h);
    return (struct conv_scratch_words){
        .weight = weights, .input = slabs * weights, .output = channel_workspace(d, slabs, weights)};
}

static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct tensor partial, struct conv_scratch scratch) {
    (void)a;
    if (rotate) {
        TRY(rotate_weight(d, s.c, s.o, weight, scratch.weight));
        weight = scratch.weight;
    }
    return direct_forward(d, s, x, weight, bias, y, partial);
}

static size_t forward_slabs(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    struct runs r = runs_of(d, s);
    (void)a;
    return s.w % r.pixels == 0 && !d->simt ? r.slabs : 0;
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    (void)a;
    TRY(direct_gradient(d, s, x, dy, scratch.input));
    return channel_sum(d, direct_slabs(d, s), 9 * s.c * s.o, scratch.input, dweight, scratch.output);
}

const struct conv_algorithm conv_direct = {.name = "direct",
                                           .scratch = scratch_words,
                                           .forward = forward,
                                           .slabs = forward_slabs,
                                           .weight_gradient = weight_gradient,
                                           .can = can,
                                           .otherwise = &conv_im2col};
