/* activation.c - batch normalisation over images and pixels, ReLU, 2x2 max-pooling and dropout, each but the ReLU where
 * the spec asks for it. gamma starts as 1, beta as 0. Dropout is nothing at all outside of training. */
#include "layers/layer.h"
#include "base/rng.h"

enum { GAMMA, BETA, RUNNING_MEAN, RUNNING_VARIANCE };
enum { INVERSE_DEVIATION, SCALE, SHIFT };

static void configure_bn(struct layer *l) {
    static const struct parameter parameters[] = {
        {.suffix = "weight", .c = 1, .start_value = 1, .trained = true},
        {.suffix = "bias", .c = 1, .start_value = 0, .trained = true},
        {.suffix = "running_mean", .c = 1, .start_value = 0},
        {.suffix = "running_var", .c = 1, .start_value = 1},
    };
    l->parameter_count = 4;
    for (int i = 0; i < 4; i++) {
        l->parameters[i] = parameters[i];
        l->parameters[i].o = l->in.c;
    }
    for (int i = 0; i < LAYER_SAVED; i++)
        l->saved_words[i] = l->in.c;
}

static struct bn vectors(const struct layer *l) {
    return (struct bn){.gamma = l->parameters[GAMMA].value,
                       .beta = l->parameters[BETA].value,
                       .running_mean = l->parameters[RUNNING_MEAN].value,
                       .running_variance = l->parameters[RUNNING_VARIANCE].value,
                       .mean = l->parameters[RUNNING_MEAN].gradient,
                       .variance = l->parameters[RUNNING_VARIANCE].gradient,
                       .inverse_deviation = l->saved[INVERSE_DEVIATION],
                       .scale = l->saved[SCALE],
                       .shift = l->saved[SHIFT]};
}

static struct activation activation(const struct layer *l, size_t n, const struct bn *bn) {
    return (struct activation){
        .n = n, .h = l->out.h, .w = l->out.w, .c = l->out.c, .pool = l->spec.pool, .bn = l->spec.bn ? bn : NULL};
}

static struct activation training_activation(const struct layer *l, const struct pass *pass, const struct bn *bn) {
    struct activation a = activation(l, pass->n, bn);
    a.dropout = l->spec.p > 0 ? l->spec.dropout : DROPOUT_NONE;
    size_t units = a.dropout == DROPOUT_CHANNEL ? l->out.c : shape_count(l->out); /* of an image */
    a.coins = (struct coins){pass->seed, pass->step, RNG_DROPOUT + (uint32_t)l->index, l->spec.p,
                             (uint32_t)(pass->first * units)};
    return a;
}

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)conv;
    static const struct bn no_vectors;
    l->out = l->in;
    if (l->spec.pool) {
        if (l->in.h % 2 || l->in.w % 2)
            return err_set(VGGCL_EUSAGE, "%s: images of %zux%zu cannot be halved by pooling", l->spec.name, l->in.h,
                           l->in.w);
        l->out = (struct shape){l->in.h / 2, l->in.w / 2, l->in.c};
    }
    l->in_place = !l->spec.bn && !l->spec.pool;
    if (!l->spec.bn)
        return VGGCL_OK;
    configure_bn(l);
    struct activation a = activation(l, batch, &no_vectors);
    raise_to(&words->reduction, bn_workspace(d, batch * l->in.h * l->in.w, l->in.c));
    raise_to(&words->reduction, activation_workspace(d, &a));
    return VGGCL_OK;
}

static enum vggcl_err batch_statistics(const struct layer *l, const struct pass *pass, const struct bn *bn) {
    size_t pixels = pass->n * l->in.h * l->in.w, slabs = l->before ? layer_slabs(l->before, pass) : 0;
    struct tensor partial = pass->scratch.reduction;
    if (!slabs) {
        slabs = bn_slabs(pass->dev, pixels);
        TRY(bn_partial(pass->dev, pixels, l->in.c, l->x, partial));
    }
    return bn_finish(pass->dev, slabs, l->in.c, bn, partial);
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    struct bn bn = vectors(l);
    struct activation a = pass->training ? training_activation(l, pass, &bn) : activation(l, pass->n, &bn);
    if (l->spec.bn)
        TRY(pass->training ? batch_statistics(l, pass, &bn) : bn_running(pass->dev, l->in.c, &bn));
    return activation_forward(pass->dev, &a, l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    struct bn bn = vectors(l);
    struct activation a = training_activation(l, pass, &bn);
    return activation_backward(pass->dev, &a, l->x, l->dy, l->parameters[GAMMA].gradient, l->parameters[BETA].gradient,
                               l->dx, pass->scratch.reduction);
}

const struct layer_type layer_activation = {"activation", configure, forward, backward};
