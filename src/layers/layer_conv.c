/* layer_conv.c - 3x3 convolution, stride 1, padding 1, with bias. Weights are initialised from a normal distribution
 * with standard deviation sqrt(2 / (9 o)), He (Kaiming, "MSR") initialisation with fan-out (He et al. 2015); the bias
 * as PyTorch's default, uniformly in +-1 / sqrt(9 c). With `identity` the weights are those of the identity plus
 * IDENTITY_NOISE times these, so that signals and gradients pass through many layers from the first step on (Zagoruyko
 * and Komodakis 2017, "DiracNets"). */
#include "layers/exact.h"
#include "files/onnx.h"
#include "ops/channel.h"
#include "ops/conv/conv.h"

#include <math.h>
#include <stdlib.h>

/* The type of l->plans[]: a plan for each direction. */
struct plans {
    struct conv_plan directions[CONV_DIRECTIONS];
};

/* Of 0, 0.3, 0.6 and 1 the best at width 0.25 after 6 epochs; two seeds of the first two, one of the others. */
static const double IDENTITY_NOISE = 0.3;

static enum vggcl_err configure(struct layer *l) {
    size_t c = l->in.c, o = l->spec.channels;
    double he = sqrt(2.0 / (9.0 * (double)o));
    l->out = (struct shape){l->in.h, l->in.w, o};
    l->parameter_count = 2;
    l->parameters[0] = (struct parameter){.suffix = "weight",
                                          .layout = LAYOUT_CONV,
                                          .o = o,
                                          .c = c,
                                          .start = l->spec.identity ? START_IDENTITY : START_NORMAL,
                                          .start_value = l->spec.identity ? IDENTITY_NOISE * he : he,
                                          .trained = true};
    l->parameters[1] = (struct parameter){.suffix = "bias",
                                          .o = o,
                                          .c = 1,
                                          .start = START_UNIFORM,
                                          .start_value = 1 / sqrt(9.0 * (double)c),
                                          .trained = true,
                                          .untouched = l->spec.bn};
    return VGGCL_OK;
}

static enum vggcl_err choose(struct layer *l, const struct context *context, size_t batch, const char *conv) {
    return conv_choose(context, layer_conv_shape(l, batch), conv, l->methods);
}

static enum vggcl_err prepare(struct layer *l, const struct context *context, size_t n, bool training, size_t size,
                              struct scratch_words *words) {
    struct plans *plans = l->plans[size] = calloc(1, sizeof *plans);
    struct conv_shape s = layer_conv_shape(l, n);
    if (!plans)
        return err_no_memory("a convolution's plans", sizeof *plans);
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        struct conv_plan *p = &plans->directions[i];
        if (i != CONV_FORWARD && (!training || (i == CONV_DATA_GRADIENT && !l->needs_dx)))
            continue;
        TRY(conv_make_plan(context, l->methods[i], s, (enum conv_direction)i, p));
        raise_to(&words->conv.weight, p->words.weight);
        raise_to(&words->conv.input, p->words.input);
        raise_to(&words->conv.output, p->words.output);
        raise_to(&words->conv.product, p->words.product);
    }
    raise_to(&words->reduction, channel_workspace(context->dev, n * s.h * s.w, s.o));
    if (l->spec.bn)
        raise_to(&words->reduction, bn_partial_words(plans->directions[CONV_FORWARD].slabs, s.o));
    return VGGCL_OK;
}

static enum vggcl_err run(const struct layer *l, const struct pass *pass, enum conv_direction direction,
                          struct tensor weight) {
    struct plans *plans = l->plans[pass->size];
    bool forward = direction == CONV_FORWARD;
    struct conv_operands operands = {.x = direction == CONV_DATA_GRADIENT ? l->dx : l->x,
                                     .weight = weight,
                                     .bias = l->parameters[1].value,
                                     .y = forward ? l->y : l->dy,
                                     .scratch = pass->scratch.conv};
    if (forward && l->type->slabs(l, pass))
        operands.statistics = pass->scratch.reduction;
    return conv_run(pass->dev, &plans->directions[direction], &operands);
}

static size_t slabs(const struct layer *l, const struct pass *pass) {
    const struct plans *plans = l->plans[pass->size];
    return l->spec.bn && pass->training && !l->frozen ? plans->directions[CONV_FORWARD].slabs : 0;
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    return run(l, pass, CONV_FORWARD, l->parameters[0].value);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    if (!l->only_dx)
        TRY(run(l, pass, CONV_WEIGHT_GRADIENT, l->parameters[0].gradient));
    if (!l->only_dx && !l->parameters[1].untouched) /* batch normalisation subtracts the mean, which cancels the bias */
        TRY(channel_sum(pass->dev, pass->n * l->out.h * l->out.w, l->out.c, l->dy, l->parameters[1].gradient,
                        pass->scratch.reduction));
    return l->needs_dx ? run(l, pass, CONV_DATA_GRADIENT, l->parameters[0].value) : VGGCL_OK;
}

static struct layer_cost cost(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    const struct plans *plans = l->plans[pass->size];
    struct layer_cost cost = layer_multiplies(l, pass, direction);
    if (!cost.flops)
        return cost;
    cost.operations = conv_operations(&plans->directions[direction]);
    cost.matrix = plans->directions[direction].algorithm->matrix;
    return cost;
}

/* ------------------------------------------------------------------------------------------- in double precision -- */

static long neighbour(const struct layer *l, size_t pixel, size_t tap) {
    return conv_neighbour(layer_conv_shape(l, 0), pixel, tap);
}

static void exact_forward(const struct exact *e, const struct pass *pass) {
    exact_multiply_forward(e, pass->n, 9, neighbour);
}

static void exact_backward(const struct exact *e, const struct pass *pass) {
    exact_multiply_backward(e, pass->n, 9, neighbour);
}

static void to_onnx(const struct layer *l, struct onnx *graph) {
    static const struct onnx_attribute attributes[] = {{.name = "kernel_shape", .count = 2, .whole = {3, 3}},
                                                       {.name = "pads", .count = 4, .whole = {1, 1, 1, 1}},
                                                       {0}};
    layer_onnx_node(l, graph, "Conv", attributes);
}

const struct layer_type layer_conv = {.name = "conv",
                                      .configure = configure,
                                      .choose = choose,
                                      .prepare = prepare,
                                      .forward = forward,
                                      .backward = backward,
                                      .slabs = slabs,
                                      .cost = cost,
                                      .exact_forward = exact_forward,
                                      .exact_backward = exact_backward,
                                      .to_onnx = to_onnx};
