/* layer_flatten.c - converts images to rows of features in PyTorch's order, stored as 32-bit floats, which linear
 * layers need. Works in place for images of 1x1 pixels that are 32-bit floats already: a no-op. */
#include "layers/exact.h"
#include "files/onnx.h"
#include "ops/flatten.h"

static enum vggcl_err configure(struct layer *l) {
    l->out = (struct shape){1, 1, shape_count(l->in)};
    l->in_place = l->in.h * l->in.w == 1 && l->stored == STORED_FLOAT;
    l->stored = STORED_FLOAT;
    return VGGCL_OK;
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    if (l->in_place)
        return VGGCL_OK;
    return flatten_forward(pass->dev, pass->n, l->in.h * l->in.w, l->in.c, l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    if (l->in_place)
        return VGGCL_OK;
    return flatten_backward(pass->dev, pass->n, l->in.h * l->in.w, l->in.c, l->dy, l->dx);
}

static struct layer_cost cost(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    return l->in_place ? (struct layer_cost){0} : layer_moves(l, pass, direction);
}

/* ------------------------------------------------------------------------------------------- in double precision -- */

/* The index in y of element i of x: [pixel][c] to [c][pixel]. */
static size_t flattened(const struct layer *l, size_t i) {
    size_t c = l->in.c, pixels = l->in.h * l->in.w, image = i / (pixels * c), rest = i % (pixels * c);
    return (image * c + rest % c) * pixels + rest / c;
}

static void exact_forward(const struct exact *e, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(e->layer->in); i++)
        e->y[flattened(e->layer, i)] = e->x[i];
}

static void exact_backward(const struct exact *e, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(e->layer->in); i++)
        e->dx[i] = e->dy[flattened(e->layer, i)];
}

static void to_onnx(const struct layer *l, struct onnx *graph) {
    layer_onnx_node(l, graph, "Flatten", NULL);
}

const struct layer_type layer_flatten = {.name = "flatten",
                                         .configure = configure,
                                         .forward = forward,
                                         .backward = backward,
                                         .cost = cost,
                                         .exact_forward = exact_forward,
                                         .exact_backward = exact_backward,
                                         .to_onnx = to_onnx};
