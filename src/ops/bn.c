#include "ops/bn.h"
#include "ops/channel.h"

static const float epsilon = 1e-5f, running_momentum = 0.1f;

size_t bn_workspace(size_t pixels, size_t c) {
    return 2 * channel_slabs(pixels) * c;
}

static enum vggcl_err apply(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x,
                            struct tensor y) {
    size_t width = (size_t)dev_vector_width(d, (int)c);
    return dev_run(d, "bn/bn_apply", dev_vector_option(d, (int)c), RANGE(pixels * c / width),
                   ARGS(A_MEM(x), A_INT(pixels), A_INT(c), A_MEM(bn->scale), A_MEM(bn->shift), A_MEM(y)));
}

enum vggcl_err bn_train(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x, struct tensor y,
                        struct tensor workspace) {
    const char *option = dev_vector_option(d, (int)c);
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), slab_rows = channel_slab_rows(pixels);
    TRY(dev_run(d, "bn/bn_partial", option, RANGE(channel_slabs(pixels) * blocks),
                ARGS(A_MEM(x), A_INT(pixels), A_INT(c), A_INT(slab_rows), A_MEM(workspace))));
    TRY(dev_run(d, "bn/bn_finish", option, RANGE(blocks),
                ARGS(A_MEM(workspace), A_INT(pixels), A_INT(c), A_INT(slab_rows), A_FLOAT(epsilon),
                     A_FLOAT(running_momentum), A_MEM(bn->gamma), A_MEM(bn->beta), A_MEM(bn->mean),
                     A_MEM(bn->inverse_deviation), A_MEM(bn->running_mean), A_MEM(bn->running_variance),
                     A_MEM(bn->scale), A_MEM(bn->shift))));
    return apply(d, pixels, c, bn, x, y);
}

enum vggcl_err bn_infer(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x, struct tensor y) {
    TRY(dev_run(d, "bn/bn_inference", dev_vector_option(d, (int)c), RANGE(c / (size_t)dev_vector_width(d, (int)c)),
                ARGS(A_INT(c), A_FLOAT(epsilon), A_MEM(bn->gamma), A_MEM(bn->beta), A_MEM(bn->running_mean),
                     A_MEM(bn->running_variance), A_MEM(bn->scale), A_MEM(bn->shift))));
    return apply(d, pixels, c, bn, x, y);
}

enum vggcl_err bn_backward(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x,
                           struct tensor dy, struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                           struct tensor workspace) {
    const char *option = dev_vector_option(d, (int)c);
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), slabs = channel_slabs(pixels);
    TRY(dev_run(d, "bn/bn_gradient_partial", option, RANGE(slabs * blocks),
                ARGS(A_MEM(x), A_MEM(dy), A_INT(pixels), A_INT(c), A_INT(channel_slab_rows(pixels)), A_MEM(bn->mean),
                     A_MEM(bn->inverse_deviation), A_MEM(workspace))));
    TRY(dev_run(d, "bn/bn_gradient_finish", option, RANGE(blocks),
                ARGS(A_MEM(workspace), A_INT(slabs), A_INT(c), A_MEM(dgamma), A_MEM(dbeta))));
    return dev_run(d, "bn/bn_gradient", option, RANGE(pixels * blocks),
                   ARGS(A_MEM(x), A_MEM(dy), A_INT(pixels), A_INT(c), A_MEM(bn->gamma), A_MEM(bn->mean),
                        A_MEM(bn->inverse_deviation), A_MEM(dgamma), A_MEM(dbeta), A_MEM(dx)));
}
