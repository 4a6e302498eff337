/* relu.c - the rectifier, in place. A dropout behind it may work in the same memory: what it drops is 0 in y, where its
 * gradient is 0 already, and what it keeps keeps its sign. */
#include "layers/layer.h"
#include "ops/relu.h"

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)batch, (void)conv, (void)words;
    l->out = l->in;
    l->in_place = true;
    return VGGCL_OK;
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    return relu_forward(pass->dev, pass->n * shape_count(l->in), l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    return relu_backward(pass->dev, pass->n * shape_count(l->in), l->y, l->dy, l->dx);
}

const struct layer_type layer_relu = {"relu", configure, forward, backward};
