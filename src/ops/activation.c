#include "ops/activation.h"
#include "ops/channel.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A work-item processes a run of pixels. On CPU cores (no simt) runs are long, because a channel's dropout factors are
 * computed once for many pixels, but a work-item must not exceed DEV_CPU_ROUNDS loop iterations, of which a pixel needs
 * up to 64 with dropout. With simt there are more runs, so that there are enough work-items. */
enum { RUNS = 256, SIMT_RUNS = 4096, LEAST_RUN = 4, MOST_RUN = DEV_CPU_ROUNDS / 64 };

static struct slabbing runs_of(const struct dev *d) {
    return (struct slabbing){d->simt ? SIMT_RUNS : RUNS, LEAST_RUN, MOST_RUN};
}

/* Pixels of an image in y, and of all images. */
static size_t plane_of(const struct activation *a) {
    return activation_height(a) * activation_width(a);
}
static size_t pixels_of(const struct activation *a) {
    return a->n * plane_of(a);
}

static size_t run_count(const struct dev *d, const struct activation *a) {
    return slab_count(runs_of(d), pixels_of(a));
}

size_t activation_workspace(const struct dev *d, const struct activation *a) {
    return a->bn ? 2 * slab_room(runs_of(d), pixels_of(a)) * a->c : 0;
}

double dropout_factor(struct dropout_mask mask, size_t unit) {
    const uint32_t key[2] = {(uint32_t)mask.seed, (uint32_t)(mask.seed >> 32)};
    size_t number = unit + mask.first;
    const uint32_t counter[4] = {(uint32_t)(number / 4), (uint32_t)mask.step, (uint32_t)(mask.step >> 32),
                                 mask.purpose};
    uint32_t words[4];
    rng_philox(counter, key, words);
    return words[number % 4] >= ldexp(mask.p, 32) ? 1 / (1.0 - mask.p) : 0;
}

struct options {
    char text[128];
};

static struct options build_options(const struct dev *d, const struct activation *a, struct tensor x) {
    struct options options;
    snprintf(options.text, sizeof options.text, "%s -DCOLUMNS=%zu -DNORMALISE=%d -DPOOL=%d -DDROPOUT=%d",
             dev_stored_option(d, (int)a->c, x.stored), channel_columns(d, a->c), a->bn != NULL, a->pool,
             (int)a->dropout);
    if (a->pool && (a->h % 2 || a->w % 2)) {
        size_t end = strlen(options.text);
        snprintf(options.text + end, sizeof options.text - end, " -DODD_HEIGHT=%zu -DODD_WIDTH=%zu", a->h % 2,
                 a->w % 2);
    }
    return options;
}

static struct range runs(const struct dev *d, const struct activation *a) {
    return dev_grid(d, a->c / (size_t)dev_vector_width(d, (int)a->c) / channel_columns(d, a->c), run_count(d, a));
}

#define SHAPE_ARGS(d, a)                                                                                               \
    A_INT(pixels_of(a)), A_INT(slab_rows(runs_of(d), pixels_of(a))), A_INT(plane_of(a)), A_INT(activation_width(a)),   \
        A_INT((a)->c)
#define MASK_ARGS(mask)                                                                                                \
    A_UINT2((mask).seed, (mask).seed >> 32), A_UINT((mask).purpose), A_UINT2((mask).step, (mask).step >> 32),          \
        A_UINT(ldexp((mask).p, 32)), A_FLOAT(1.0 / (1.0 - (mask).p)), A_UINT((mask).first)

/* Stands in for a->bn if it is NULL; the kernels do not read its tensors then. */
static const struct bn no_bn;

enum vggcl_err activation_forward(struct dev *d, const struct activation *a, struct tensor x, struct tensor y) {
    const struct bn *bn = a->bn ? a->bn : &no_bn;
    return dev_run(d, "activation/activation_forward", build_options(d, a, x).text, runs(d, a),
                   ARGS(A_MEM(x), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), MASK_ARGS(a->mask), A_MEM(y)));
}

enum vggcl_err activation_backward(struct dev *d, const struct activation *a, struct tensor x, struct tensor dy,
                                   struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                                   struct tensor workspace) {
    const struct bn *bn = a->bn ? a->bn : &no_bn;
    struct options options = build_options(d, a, x);
    if (a->bn) {
        TRY(dev_run(d, "activation/activation_sums", options.text, runs(d, a),
                    ARGS(A_MEM(x), A_MEM(dy), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), MASK_ARGS(a->mask),
                         A_MEM(bn->mean), A_MEM(bn->inverse_deviation), A_MEM(workspace))));
        TRY(bn_gradient_sums(d, run_count(d, a), a->c, workspace, dgamma, dbeta));
    }
    return dev_run(d, "activation/activation_gradient", options.text, runs(d, a),
                   ARGS(A_MEM(x), A_MEM(dy), SHAPE_ARGS(d, a), A_MEM(bn->scale), A_MEM(bn->shift), MASK_ARGS(a->mask),
                        A_MEM(bn->mean), A_MEM(bn->inverse_deviation), A_MEM(dgamma), A_MEM(dbeta),
                        A_FLOAT(a->n * a->h * a->w), A_MEM(dx)));
}
