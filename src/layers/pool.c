/* pool.c - 2x2 max-pooling, stride 2. */
#include "layers/layer.h"
#include "ops/pool.h"

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)batch, (void)conv, (void)words;
    if (l->in.h < 2 || l->in.w < 2)
        return err_set(VGGCL_EUSAGE, "%s: images of %zux%zu are too small for a 2x2 pooling", l->spec.name, l->in.h,
                       l->in.w);
    l->out = (struct shape){l->in.h / 2, l->in.w / 2, l->in.c};
    return VGGCL_OK;
}

static struct image_shape image_shape(const struct layer *l, const struct pass *pass) {
    return (struct image_shape){pass->n, l->in.h, l->in.w, l->in.c};
}

static enum vggcl_err forward(const struct layer *l, const struct pass *pass) {
    return pool_forward(pass->dev, image_shape(l, pass), l->x, l->y);
}

static enum vggcl_err backward(const struct layer *l, const struct pass *pass) {
    return pool_backward(pass->dev, image_shape(l, pass), l->x, l->dy, l->dx);
}

const struct layer_type layer_pool = {"pool", configure, forward, backward};
