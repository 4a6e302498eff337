/* conv.c - 3x3 convolution, stride 1, padding 1, with bias. Weights start as N(0, sqrt(2 / (9 o))) (MSR: He et al.
 * 2015, over the outputs), the bias as PyTorch's default, U(+-1 / sqrt(9 c)). */
#include "layers/layer.h"
#include "ops/channel.h"

#include <math.h>

static struct conv_shape conv_shape(const struct layer *l, size_t n) {
    return (struct conv_shape){n, l->in.h, l->in.w, l->in.c, l->out.c};
}

static void raise_scratch(const struct layer *l, const struct dev *d, struct conv_shape s,
                          struct scratch_words *words) {
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        if (i == CONV_DATA_GRADIENT && !l->needs_dx)
            continue;
        struct conv_scratch_words want = conv_scratch_words(l->methods[i], d, s, (enum conv_direction)i);
        raise_to(&words->conv.weight, want.weight);
        raise_to(&words->conv.input, want.input);
        raise_to(&words->conv.output, want.output);
    }
}

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    size_t c = l->in.c, o = l->spec.channels;
    l->out = (struct shape){l->in.h, l->in.w, o};
    struct conv_shape s = conv_shape(l, batch);
    TRY(conv_choose(d, s, conv, l->methods));
    raise_scratch(l, d, s, words);
    raise_to(&words->reduction, channel_workspace(d, batch * s.h * s.w, o));
    if (l->spec.bn)
        raise_to(&words->reduction, bn_partial_words(conv_slabs(l->methods[CONV_FORWARD], d, s), o));
    l->parameter_count = 2;
    l->parameters[0] = (struct parameter){.suffix = "weight",
                                          .layout = LAYOUT_CONV,
                                          .o = o,
                                          .c = c,
                                          .start = START_NORMAL,
                                          .start_value = sqrt(2.0 / (9.0 * (double)o)),
                                          .trained = true};
    l->parameters[1] = (struct parameter){.suffix = "bias",
                                          .o = o,
                                          .c = 1,
                                          .start = START_UNIFORM,
                                          .start_value = 1 / sqrt(9.0 * (double)c),
                                          .trained = true};
    return VGGCL_OK;
}

/* The statistics of fewer images may take more slabs than there is memory for: batch normalisation takes those. */
size_t layer_slabs(const struct layer *l, const struct pass *pass) {
    if (l->type != &layer_conv || !l->spec.bn || !pass->training)
        return 0;
    size_t slabs = conv_slabs(l->methods[CONV_FORWARD], pass->dev, conv_shape(l, pass->n));
    return bn_partial_words(slabs, l->out.c) <= pass->scratch.reduction.count ? slabs : 0;
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    struct tensor partial = layer_slabs(l, pass) ? pass->scratch.reduction : (struct tensor){0};
    return conv_forward(l->methods[CONV_FORWARD], pass->dev, conv_shape(l, pass->n), l->x, l->parameters[0].value,
                        l->parameters[1].value, l->y, partial, pass->scratch.conv);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    struct conv_shape s = conv_shape(l, pass->n);
    TRY(conv_weight_gradient(l->methods[CONV_WEIGHT_GRADIENT], pass->dev, s, l->x, l->dy, l->parameters[0].gradient,
                             pass->scratch.conv));
    if (!l->spec.bn) /* which subtracts the mean: the bias changes nothing, and its gradient stays 0 */
        TRY(channel_sum(pass->dev, s.n * s.h * s.w, s.o, l->dy, l->parameters[1].gradient, pass->scratch.reduction));
    if (!l->needs_dx)
        return VGGCL_OK;
    return conv_data_gradient(l->methods[CONV_DATA_GRADIENT], pass->dev, s, l->parameters[0].value, l->dy, l->dx,
                              pass->scratch.conv);
}

const struct layer_type layer_conv = {"conv", configure, forward, backward};
