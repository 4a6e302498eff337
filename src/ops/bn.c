#include "ops/bn.h"
#include "ops/average.h"
#include "ops/channel.h"

#include <stdio.h>

size_t bn_slabs(const struct dev *d, size_t pixels) {
    return channel_slabs(d, pixels);
}

size_t bn_partial_words(size_t slabs, size_t c) {
    return 3 * slabs * c;
}

size_t bn_workspace(const struct dev *d, size_t pixels, size_t c) {
    return bn_partial_words(1, channel_workspace(d, pixels, c));
}

enum vggcl_err bn_partial(struct dev *d, size_t pixels, size_t c, struct tensor x, struct tensor partial) {
    char option[48];
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), columns = channel_columns(d, c);
    snprintf(option, sizeof option, "%s -DCOLUMNS=%zu", dev_stored_option(d, (int)c, x.stored), columns);
    return dev_run(d, "bn/bn_partial", option, dev_grid(d, bn_slabs(d, pixels) * blocks / columns, 1),
                   ARGS(A_MEM(x), A_INT(pixels), A_INT(c), A_INT(channel_slab_rows(d, pixels)), A_MEM(partial)));
}

enum vggcl_err bn_finish(struct dev *d, size_t slabs, size_t c, const struct bn *bn, struct tensor partial) {
    return channel_finish(d, "bn/bn_finish", slabs, c,
                          ARGS(A_MEM(partial), A_INT(slabs), A_INT(c), A_FLOAT(BN_EPSILON), A_MEM(bn->gamma),
                               A_MEM(bn->beta), A_MEM(bn->mean), A_MEM(bn->variance), A_MEM(bn->inverse_deviation),
                               A_MEM(bn->scale), A_MEM(bn->shift)));
}

enum vggcl_err bn_move(struct dev *d, struct tensor failed, struct tensor running, struct tensor batch) {
    return average_move(d, failed, BN_MOMENTUM, running, batch);
}

enum vggcl_err bn_running(struct dev *d, size_t c, const struct bn *bn) {
    return dev_run(d, "bn/bn_inference", dev_vector_option(d, (int)c), RANGE(c / (size_t)dev_vector_width(d, (int)c)),
                   ARGS(A_INT(c), A_FLOAT(BN_EPSILON), A_MEM(bn->gamma), A_MEM(bn->beta), A_MEM(bn->running_mean),
                        A_MEM(bn->running_variance), A_MEM(bn->scale), A_MEM(bn->shift)));
}

enum vggcl_err bn_gradient_sums(struct dev *d, size_t parts, size_t c, struct tensor partial, struct tensor dgamma,
                                struct tensor dbeta) {
    return channel_finish(d, "bn/bn_gradient_finish", parts, c,
                          ARGS(A_MEM(partial), A_INT(parts), A_INT(c), A_MEM(dgamma), A_MEM(dbeta)));
}
