/* flatten.c - images to rows of features in PyTorch's order, floats, which linear layers multiply. Of 1x1 images of
 * floats nothing has to move. */
#include "layers/layer.h"
#include "ops/flatten.h"

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)batch, (void)conv, (void)words;
    l->out = (struct shape){1, 1, shape_count(l->in)};
    l->in_place = l->in.h * l->in.w == 1 && !l->half;
    l->half = false;
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

const struct layer_type layer_flatten = {"flatten", configure, forward, backward};
