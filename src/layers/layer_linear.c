/* layer_linear.c - linear layer, y = x w + bias, on rows of 32-bit features (layer_flatten.c). Weights and bias are
 * initialised as PyTorch's default, uniformly in +-1 / sqrt(c). */
#include "layers/exact.h"
#include "files/onnx.h"
#include "ops/channel.h"
#include "ops/gemm/gemm.h"

#include <math.h>
#include <stdlib.h>

/* The type of l->plans[]. */
struct plans {
    struct gemm_plan forward, data_gradient, weight_gradient;
};

static enum vggcl_err configure(struct layer *l) {
    size_t c = l->in.c, o = l->spec.channels;
    double bound = 1 / sqrt((double)c);
    l->out = (struct shape){1, 1, o};
    l->stored = STORED_FLOAT;
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
    return VGGCL_OK;
}

/* Plans a product of m x k by k x n matrices. */
static enum vggcl_err plan(const struct context *context, size_t m, size_t n, size_t k, bool transpose_a,
                           bool transpose_b, struct gemm_plan *p, struct scratch_words *words) {
    const struct tensor none = {0};
    struct matrix a = MATRIX(none, transpose_a ? m : k), b = MATRIX(none, transpose_b ? k : n), c = MATRIX(none, n);
    a.transposed = transpose_a;
    b.transposed = transpose_b;
    TRY(gemm_make_plan(context, gemm_linear_engine(context), (struct gemm_shape){m, n, k, 1}, a, b, c, p));
    raise_to(&words->conv.product, p->scratch_words);
    return VGGCL_OK;
}

static enum vggcl_err prepare(struct layer *l, const struct context *context, size_t n, bool training, size_t size,
                              struct scratch_words *words) {
    struct plans *plans = l->plans[size] = calloc(1, sizeof *plans);
    size_t c = l->in.c, o = l->out.c;
    if (!plans)
        return err_no_memory("a linear layer's plans", sizeof *plans);
    TRY(plan(context, n, o, c, false, false, &plans->forward, words));
    if (!training)
        return VGGCL_OK;
    raise_to(&words->reduction, channel_workspace(context->dev, n, o));
    TRY(plan(context, c, o, n, true, false, &plans->weight_gradient, words));
    return plan(context, n, c, o, false, true, &plans->data_gradient, words);
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    struct plans *plans = l->plans[pass->size];
    size_t c = l->in.c, o = l->out.c;
    TRY(channel_broadcast(pass->dev, pass->n, o, l->parameters[1].value, l->y));
    return gemm_run(pass->dev, &plans->forward, MATRIX(l->x, c), MATRIX(l->parameters[0].value, o), GEMM_ADD,
                    MATRIX(l->y, o), pass->scratch.conv.product);
}

static enum vggcl_err parameter_gradients(const struct layer *l, const struct pass *pass) {
    struct plans *plans = l->plans[pass->size];
    size_t c = l->in.c, o = l->out.c;
    TRY(gemm_run(pass->dev, &plans->weight_gradient, TRANSPOSED(l->x, c), MATRIX(l->dy, o), GEMM_SET,
                 MATRIX(l->parameters[0].gradient, o), pass->scratch.conv.product));
    return channel_sum(pass->dev, pass->n, o, l->dy, l->parameters[1].gradient, pass->scratch.reduction);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    struct plans *plans = l->plans[pass->size];
    size_t c = l->in.c, o = l->out.c;
    if (!l->only_dx)
        TRY(parameter_gradients(l, pass));
    if (!l->needs_dx)
        return VGGCL_OK;
    return gemm_run(pass->dev, &plans->data_gradient, MATRIX(l->dy, o), TRANSPOSED(l->parameters[0].value, o), GEMM_SET,
                    MATRIX(l->dx, c), pass->scratch.conv.product);
}

static struct layer_cost cost(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    const struct plans *plans = l->plans[pass->size];
    struct layer_cost cost = layer_multiplies(l, pass, direction);
    cost.matrix = plans->forward.engine->matrix;
    return cost;
}

/* ------------------------------------------------------------------------------------------- in double precision -- */

static long same(const struct layer *l, size_t row, size_t tap) {
    (void)l, (void)tap;
    return (long)row;
}

static void exact_forward(const struct exact *e, const struct pass *pass) {
    exact_multiply_forward(e, pass->n, 1, same);
}

static void exact_backward(const struct exact *e, const struct pass *pass) {
    exact_multiply_backward(e, pass->n, 1, same);
}

static void to_onnx(const struct layer *l, struct onnx *graph) {
    static const struct onnx_attribute attributes[] = {{.name = "transB", .whole = {1}}, {0}};
    layer_onnx_node(l, graph, "Gemm", attributes);
}

const struct layer_type layer_linear = {.name = "linear",
                                        .configure = configure,
                                        .prepare = prepare,
                                        .forward = forward,
                                        .backward = backward,
                                        .cost = cost,
                                        .exact_forward = exact_forward,
                                        .exact_backward = exact_backward,
                                        .to_onnx = to_onnx};
