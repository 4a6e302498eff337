/* linear.c - y = x w + bias, on rows of features, which are floats (flatten.c); weight and bias start as PyTorch's
 * default, U(+-1 / sqrt(c)). */
#include "layers/layer.h"
#include "ops/channel.h"
#include "ops/gemm.h"

#include <math.h>

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)conv;
    size_t c = l->in.c, o = l->spec.channels;
    double bound = 1 / sqrt((double)c);
    l->out = (struct shape){1, 1, o};
    l->half = false;
    l->parameter_count = 2;
    l->parameters[0] = (struct parameter){.suffix = "weight",
                                          .layout = LAYOUT_LINEAR,
                                          .o = o,
                                          .c = c,
                                          .start = START_UNIFORM,
                                          .start_value = bound,
                                          .trained = true};
    l->parameters[1] = (struct parameter){
        .suffix = "bias", .o = o, .c = 1, .start = START_UNIFORM, .start_value = bound, .trained = true};
    raise_to(&words->reduction, channel_workspace(d, batch, o));
    return VGGCL_OK;
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    size_t c = l->in.c, o = l->out.c;
    TRY(channel_broadcast(pass->dev, pass->n, o, l->parameters[1].value, l->y));
    return gemm(pass->dev, pass->n, o, c, MATRIX(l->x, c), MATRIX(l->parameters[0].value, o), GEMM_ADD, MATRIX(l->y, o),
                1);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    size_t c = l->in.c, o = l->out.c;
    TRY(gemm(pass->dev, c, o, pass->n, TRANSPOSED(l->x, c), MATRIX(l->dy, o), GEMM_SET,
             MATRIX(l->parameters[0].gradient, o), 1));
    TRY(channel_sum(pass->dev, pass->n, o, l->dy, l->parameters[1].gradient, pass->scratch.reduction));
    if (!l->needs_dx)
        return VGGCL_OK;
    return gemm(pass->dev, pass->n, c, o, MATRIX(l->dy, o), TRANSPOSED(l->parameters[0].value, o), GEMM_SET,
                MATRIX(l->dx, c), 1);
}

const struct layer_type layer_linear = {"linear", configure, forward, backward};
