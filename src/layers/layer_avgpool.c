/* layer_avgpool.c - global average pooling: from images of any size to one feature per channel, stored as 32-bit
 * floats, which linear layers need. */
#include "layers/exact.h"
#include "files/onnx.h"
#include "ops/avgpool.h"

#include <stdio.h>

static enum vggcl_err configure(struct layer *l) {
    l->out = (struct shape){1, 1, l->in.c};
    l->stored = STORED_FLOAT;
    return VGGCL_OK;
}

static enum vggcl_err choose(struct layer *l, const struct context *context, size_t batch, const char *conv) {
    (void)batch, (void)conv;
    if (l->in.h * l->in.w <= dev_most_rounds(context->dev))
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "%s: images of %zux%zu pixels are too large for global average pooling on this device",
                   l->spec.name, l->in.h, l->in.w);
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    return avgpool_forward(pass->dev, pass->n, l->in.h * l->in.w, l->in.c, l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    return avgpool_backward(pass->dev, pass->n, l->in.h * l->in.w, l->in.c, l->dy, l->dx);
}

/* The index in y of the mean that element i of x is part of. */
static size_t feature(const struct layer *l, size_t i) {
    return i / shape_count(l->in) * l->in.c + i % l->in.c;
}

static void exact_forward(const struct exact *e, const struct pass *pass) {
    const struct layer *l = e->layer;
    for (size_t i = 0; i < pass->n * l->in.c; i++)
        e->y[i] = 0;
    for (size_t i = 0; i < pass->n * shape_count(l->in); i++)
        e->y[feature(l, i)] += e->x[i] / (double)(l->in.h * l->in.w);
}

static void exact_backward(const struct exact *e, const struct pass *pass) {
    const struct layer *l = e->layer;
    for (size_t i = 0; i < pass->n * shape_count(l->in); i++)
        e->dx[i] = e->dy[feature(l, i)] / (double)(l->in.h * l->in.w);
}

static void to_onnx(const struct layer *l, struct onnx *graph) {
    char flatten[PARAMETER_NAME];
    layer_onnx_node(l, graph, "GlobalAveragePool", NULL);
    snprintf(flatten, sizeof flatten, "%s.flatten", l->spec.name);
    onnx_node(graph, "Flatten", flatten, NULL, NULL);
}

const struct layer_type layer_avgpool = {.name = "avgpool",
                                         .configure = configure,
                                         .choose = choose,
                                         .forward = forward,
                                         .backward = backward,
                                         .cost = layer_moves,
                                         .exact_forward = exact_forward,
                                         .exact_backward = exact_backward,
                                         .to_onnx = to_onnx};
