/* dropout.c - dropout of whole channels or of single elements, in place; nothing at all outside of training. */
#include "layers/layer.h"
#include "base/rng.h"
#include "ops/dropout.h"

static enum vggcl_err configure(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words) {
    (void)d, (void)batch, (void)conv, (void)words;
    l->out = l->in;
    l->in_place = true;
    return VGGCL_OK;
}

static struct coins coins(const struct layer *l, const struct pass *pass) {
    return (struct coins){pass->seed, pass->step, RNG_DROPOUT + (uint32_t)l->index, l->spec.p};
}

static enum vggcl_err drop_channels(const struct layer *l, const struct pass *pass, struct tensor t) {
    return dropout_channel(pass->dev, pass->n, l->in.h * l->in.w, l->in.c, coins(l, pass), t, t);
}

static enum vggcl_err channel_forward(const struct layer *l, const struct pass *pass) {
    return pass->training ? drop_channels(l, pass, l->y) : VGGCL_OK;
}

static enum vggcl_err channel_backward(const struct layer *l, const struct pass *pass) {
    return drop_channels(l, pass, l->dx);
}

static enum vggcl_err drop_elements(const struct layer *l, const struct pass *pass, struct tensor t) {
    return dropout_element(pass->dev, pass->n * shape_count(l->in), coins(l, pass), t, t);
}

static enum vggcl_err element_forward(const struct layer *l, const struct pass *pass) {
    return pass->training ? drop_elements(l, pass, l->y) : VGGCL_OK;
}

static enum vggcl_err element_backward(const struct layer *l, const struct pass *pass) {
    return drop_elements(l, pass, l->dx);
}

const struct layer_type layer_dropout_channel = {"dropout_channel", configure, channel_forward, channel_backward};
const struct layer_type layer_dropout_element = {"dropout_element", configure, element_forward, element_backward};
