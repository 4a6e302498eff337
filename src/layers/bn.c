/* bn.c - batch normalisation over images and pixels; gamma starts as 1, beta as 0. */
#include "layers/layer.h"
#include "ops/bn.h"

enum { GAMMA, BETA, RUNNING_MEAN, RUNNING_VARIANCE };
enum { MEAN, INVERSE_DEVIATION, SCALE, SHIFT };

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)conv;
    static const struct parameter parameters[] = {
        {.suffix = "weight", .c = 1, .start_value = 1, .trained = true},
        {.suffix = "bias", .c = 1, .start_value = 0, .trained = true},
        {.suffix = "running_mean", .c = 1, .start_value = 0},
        {.suffix = "running_var", .c = 1, .start_value = 1},
    };
    l->out = l->in;
    l->parameter_count = 4;
    for (int i = 0; i < 4; i++) {
        l->parameters[i] = parameters[i];
        l->parameters[i].o = l->in.c;
        l->saved_words[i] = l->in.c;
    }
    raise_to(&words->reduction, bn_workspace(batch * l->in.h * l->in.w, l->in.c));
    return VGGCL_OK;
}

static struct bn vectors(const struct layer *l) {
    return (struct bn){.gamma = l->parameters[GAMMA].value,
                       .beta = l->parameters[BETA].value,
                       .running_mean = l->parameters[RUNNING_MEAN].value,
                       .running_variance = l->parameters[RUNNING_VARIANCE].value,
                       .mean = l->saved[MEAN],
                       .inverse_deviation = l->saved[INVERSE_DEVIATION],
                       .scale = l->saved[SCALE],
                       .shift = l->saved[SHIFT]};
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    struct bn bn = vectors(l);
    size_t pixels = pass->n * l->in.h * l->in.w;
    if (pass->training)
        return bn_train(pass->dev, pixels, l->in.c, &bn, l->x, l->y, pass->scratch.reduction);
    return bn_infer(pass->dev, pixels, l->in.c, &bn, l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    struct bn bn = vectors(l);
    return bn_backward(pass->dev, pass->n * l->in.h * l->in.w, l->in.c, &bn, l->x, l->dy, l->parameters[GAMMA].gradient,
                       l->parameters[BETA].gradient, l->dx, pass->scratch.reduction);
}

const struct layer_type layer_bn = {"bn", configure, forward, backward};
