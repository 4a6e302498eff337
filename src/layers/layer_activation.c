/* layer_activation.c - batch normalisation over images and pixels, ReLU, 2x2 max-pooling and dropout; all except the
 * ReLU are optional (struct layer_spec). gamma is initialised to 1, beta to 0. Dropout has no effect in evaluation. */
#include "layers/exact.h"
#include "base/rng.h"
#include "files/onnx.h"

#include <math.h>
#include <stdio.h>

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
        .n = n, .h = l->in.h, .w = l->in.w, .c = l->in.c, .pool = l->spec.pool, .bn = l->spec.bn ? bn : NULL};
}

static struct activation training_activation(const struct layer *l, const struct pass *pass, const struct bn *bn) {
    struct activation a = activation(l, pass->n, bn);
    a.dropout = l->spec.p > 0 ? l->spec.dropout : DROPOUT_NONE;
    size_t units = a.dropout == DROPOUT_CHANNEL ? l->out.c : shape_count(l->out); /* per image */
    a.mask = (struct dropout_mask){pass->seed, pass->step, RNG_DROPOUT + (uint32_t)l->index, l->spec.p,
                                   (uint32_t)(pass->first * units)};
    return a;
}

static enum vggcl_err configure(struct layer *l) {
    l->out = l->in;
    if (l->spec.pool) {
        if (l->in.h < 2 || l->in.w < 2)
            return err_set(VGGCL_EUSAGE, "%s: 2x2 pooling needs images of at least 2x2 pixels, not %zux%zu",
                           l->spec.name, l->in.h, l->in.w);
        l->out = (struct shape){l->in.h / 2, l->in.w / 2, l->in.c};
    }
    l->in_place = !l->spec.bn && !l->spec.pool;
    if (l->spec.bn)
        configure_bn(l);
    return VGGCL_OK;
}

static enum vggcl_err prepare(struct layer *l, const struct context *context, size_t n, bool training, size_t size,
                              struct scratch_words *words) {
    static const struct bn no_vectors;
    (void)size;
    if (!l->spec.bn || !training)
        return VGGCL_OK;
    struct activation a = activation(l, n, &no_vectors);
    raise_to(&words->reduction, bn_workspace(context->dev, n * l->in.h * l->in.w, l->in.c));
    raise_to(&words->reduction, activation_workspace(context->dev, &a));
    return VGGCL_OK;
}

static enum vggcl_err batch_statistics(const struct layer *l, const struct pass *pass, const struct bn *bn) {
    size_t pixels = pass->n * l->in.h * l->in.w, slabs = 0;
    struct tensor partial = pass->scratch.reduction;
    if (l->before && l->before->type->slabs)
        slabs = l->before->type->slabs(l->before, pass);
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
        TRY(pass->training && !l->frozen ? batch_statistics(l, pass, &bn) : bn_running(pass->dev, l->in.c, &bn));
    return activation_forward(pass->dev, &a, l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    struct bn bn = vectors(l);
    struct activation a = training_activation(l, pass, &bn);
    return activation_backward(pass->dev, &a, l->x, l->dy, l->parameters[GAMMA].gradient, l->parameters[BETA].gradient,
                               l->dx, pass->scratch.reduction);
}

/* The backward pass reads x in addition to dy. */
static struct layer_cost cost(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    struct layer_cost cost = layer_moves(l, pass, direction);
    if (direction == CONV_DATA_GRADIENT)
        cost.reads += cost.writes;
    return cost;
}

/* ------------------------------------------------------------------------------------------- in double precision -- */

static size_t pixels_in(const struct exact *e, const struct pass *pass) {
    return pass->n * e->layer->in.h * e->layer->in.w;
}

/* (x - mean) / standard deviation, for element i of x. */
static double standardised(const struct exact *e, size_t i) {
    size_t channel = i % e->layer->in.c;
    return (e->x[i] - e->mean[channel]) * e->inverse[channel];
}

/* Element i of the ReLU's input. */
static double normalised(const struct exact *e, size_t i) {
    size_t channel = i % e->layer->in.c;
    return e->layer->spec.bn ? e->value[GAMMA][channel] * standardised(e, i) + e->value[BETA][channel] : e->x[i];
}

/* The index in x of the element that max-pooling selects for element i of y: the first of the largest. */
static size_t source(const struct exact *e, size_t i) {
    const struct shape in = e->layer->in, out = e->layer->out;
    size_t column = i / out.c % out.w, row = i / (out.c * out.w) % out.h, image = i / shape_count(out);
    if (!e->layer->spec.pool)
        return i;
    size_t corner = ((image * in.h + 2 * row) * in.w + 2 * column) * in.c + i % in.c, best = corner;
    for (size_t tap = 1; tap < 4; tap++) {
        size_t next = corner + (tap / 2 * in.w + tap % 2) * in.c;
        if (normalised(e, next) > normalised(e, best))
            best = next;
    }
    return best;
}

/* The dropout factor of element i of y. */
static double kept(const struct exact *e, const struct pass *pass, size_t i) {
    const struct layer *l = e->layer;
    struct dropout_mask mask = {pass->seed, pass->step, RNG_DROPOUT + (uint32_t)l->index, l->spec.p, 0};
    size_t channel_unit = i / shape_count(l->out) * l->out.c + i % l->out.c;
    if (l->spec.dropout == DROPOUT_NONE || !(l->spec.p > 0))
        return 1;
    return dropout_factor(mask, l->spec.dropout == DROPOUT_CHANNEL ? channel_unit : i);
}

static void take_running_statistics(const struct exact *e) {
    for (size_t channel = 0; channel < e->layer->in.c; channel++) {
        e->mean[channel] = e->value[RUNNING_MEAN][channel];
        e->inverse[channel] = 1 / sqrt(e->value[RUNNING_VARIANCE][channel] + BN_EPSILON);
    }
}

static void find_statistics(const struct exact *e, const struct pass *pass) {
    size_t c = e->layer->in.c, pixels = pixels_in(e, pass);
    for (size_t channel = 0; channel < c; channel++) {
        double sum = 0, squares = 0;
        for (size_t i = channel; i < pixels * c; i += c)
            sum += e->x[i];
        double mean = sum / (double)pixels;
        for (size_t i = channel; i < pixels * c; i += c)
            squares += (e->x[i] - mean) * (e->x[i] - mean);
        e->mean[channel] = mean;
        e->inverse[channel] = 1 / sqrt(squares / (double)pixels + BN_EPSILON);
    }
}

static void exact_forward(const struct exact *e, const struct pass *pass) {
    if (e->layer->spec.bn && e->layer->frozen)
        take_running_statistics(e);
    else if (e->layer->spec.bn)
        find_statistics(e, pass);
    for (size_t i = 0; i < pass->n * shape_count(e->layer->out); i++)
        e->y[i] = fmax(normalised(e, source(e, i)), 0) * kept(e, pass, i);
}

/* Gradients of batch normalisation: e->dx has the gradient of its output (the ReLU's input) and receives the gradient
 * of its input. */
static void normalise_back(const struct exact *e, const struct pass *pass) {
    size_t c = e->layer->in.c, pixels = pixels_in(e, pass);
    for (size_t i = 0; i < pixels * c; i++) {
        e->gradient[BETA][i % c] += e->dx[i];
        e->gradient[GAMMA][i % c] += e->dx[i] * standardised(e, i);
    }
    for (size_t i = 0; i < pixels * c; i++) {
        double mean = (e->gradient[BETA][i % c] + standardised(e, i) * e->gradient[GAMMA][i % c]) / (double)pixels;
        e->dx[i] = e->value[GAMMA][i % c] * e->inverse[i % c] * (e->dx[i] - mean);
    }
}

static void exact_backward(const struct exact *e, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(e->layer->out); i++) {
        size_t from = source(e, i);
        if (normalised(e, from) > 0)
            e->dx[from] += e->dy[i] * kept(e, pass, i);
    }
    if (e->layer->spec.bn)
        normalise_back(e, pass);
}

/* "bn1_1.relu" if batch normalisation has the layer's name. */
static void to_onnx(const struct layer *l, struct onnx *graph) {
    static const struct onnx_attribute normalise[] = {{.name = "epsilon", .real = BN_EPSILON}, {0}};
    static const struct onnx_attribute halve[] = {
        {.name = "kernel_shape", .count = 2, .whole = {2, 2}}, {.name = "strides", .count = 2, .whole = {2, 2}}, {0}};
    char name[PARAMETER_NAME];
    if (l->spec.bn)
        layer_onnx_node(l, graph, "BatchNormalization", normalise);
    snprintf(name, sizeof name, "%s%s", l->spec.name, l->spec.bn ? ".relu" : "");
    onnx_node(graph, "Relu", name, NULL, NULL);
    snprintf(name, sizeof name, "%s.pool", l->spec.name);
    if (l->spec.pool)
        onnx_node(graph, "MaxPool", name, NULL, halve);
}

const struct layer_type layer_activation = {.name = "activation",
                                            .configure = configure,
                                            .prepare = prepare,
                                            .forward = forward,
                                            .backward = backward,
                                            .cost = cost,
                                            .exact_forward = exact_forward,
                                            .exact_backward = exact_backward,
                                            .to_onnx = to_onnx};
