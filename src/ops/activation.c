#include "ops/activation.h"
#include "ops/channel.h"

#include <math.h>
#include <stdio.h>

/* A work-item's run: long where an item has a core, since coins are thrown once for many pixels, but not longer than
 * its loops may be (DEV_CPU_ROUNDS; a pixel has up to 64, coins included); where it is a lane, so that there are
 * enough. */
enum { RUNS = 256, SIMT_RUNS = 4096, LEAST_RUN = 4, MOST_RUN = DEV_CPU_ROUNDS / 64 };

static struct slabbing runs_of(const struct dev *d) {
    return (struct slabbing){d->simt ? SIMT_RUNS : RUNS, LEAST_RUN, MOST_RUN};
}

static size_t pixels_of(const struct activation *a) {
    return a->n * a->h * a->w;
}

static size_t run_count(const struct dev *d, const struct activation *a) {
    return slab_count(runs_of(d), pixels_of(a));
}

size_t activation_workspace(const struct dev *d, const struct activation *a) {
    return a->bn ? 2 * slab_room(runs_of(d), pixels_of(a)) * a->c : 0;
}

struct options {
    char text[96];
};

static struct options build_options(const struct dev *d, const struct activation *a, struct tensor x) {
    struct options options;
    snprintf(options.text, sizeof options.text, "%s -DCOLUMNS=%zu -DNORMALISE=%d -DPOOL=%d -DDROPOUT=%d",
             dev_stored_option(d, (int)a->c, x), channel_columns(d, a->c), a->bn != NULL, a->pool, (int)a->dropout);
    return options;
}

static struct range runs(const struct dev *d, const struct activation *a) {
    return dev_grid(d, a->c / (size_t)dev_vector_width(d, (int)a->c) / channel_columns(d, a->c), run_count(d, a));
}

#define SHAPE_ARGS(d, a)                                                                                               \
    A_INT(pixels_of(a)), A_INT(slab_rows(runs_of(d), pixels_of(a))), A_INT((a)->h *(a)->w), A_INT((a)->w), A_INT((a)->c)
#define COIN_ARGS(coins)                                                                                               \
    A_UINT2((coins).seed, (coins).seed >> 32), A_UINT((coins).purpose), A_UINT2((coins).step, (coins).step >> 32),     \
        A_UINT(ldexp((coins).p, 32)), A_FLOAT(1.0 / (1.0 - (coins).p)), A_UINT((coins).first)

/* The vectors of no normalisation: none is read. */
static const struct bn no_bn;

enum vggcl_err activation_forward(struct dev *d, const struct activation *a, struct tensor x, struct tensor y) {
    const struct bn *bn = a->bn ? a->bn : &no_bn;
    return dev_run(d, "activation/activation_forward", build_options(d, a, x).text, runs(d, a),
                   ARGS(A_MEM(x), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), COIN_ARGS(a->coins), A_MEM(y)));
}

enum vggcl_err activation_backward(struct dev *d, const struct activation *a, struct tensor x, struct tensor dy,
                                   struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                                   struct tensor workspace) {
    const struct bn *bn = a->bn ? a->bn : &no_bn;
    struct options options = build_options(d, a, x);
    if (a->bn) {
        TRY(dev_run(d, "activation/activation_sums", options.text, runs(d, a),
                    ARGS(A_MEM(x), A_MEM(dy), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), COIN_ARGS(a->coins),
                         A_MEM(bn->mean), A_MEM(bn->inverse_deviation), A_MEM(workspace))));
        TRY(bn_gradient_sums(d, run_count(d, a), a->c, workspace, dgamma, dbeta));
    }
    return dev_run(d, "activation/activation_gradient", options.text, runs(d, a),
                   ARGS(A_MEM(x), A_MEM(dy), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), COIN_ARGS(a->coins),
                        A_MEM(bn->mean), A_MEM(bn->inverse_deviation), A_MEM(dgamma), A_MEM(dbeta), A_MEM(dx)));
}
