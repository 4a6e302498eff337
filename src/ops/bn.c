#include "ops/bn.h"
#include "ops/average.h"
#include "ops/channel.h"

#include <stdio.h>

static const float epsilon = 1e-5f;
static const double running_momentum = 0.1;

size_t bn_workspace(size_t pixels, size_t c) {
    return 2 * channel_workspace(pixels, c);
}

enum vggcl_err bn_statistics(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x,
                             struct tensor workspace) {
    char columns_option[48];
    const char *option = dev_stored_option(d, (int)c, x);
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), slab_rows = channel_slab_rows(pixels);
    size_t columns = channel_columns(d, c);
    snprintf(columns_option, sizeof columns_option, "%s -DCOLUMNS=%zu", option, columns);
    TRY(dev_run(d, "bn/bn_partial", columns_option, dev_grid(d, channel_slabs(pixels) * blocks / columns, 1),
                ARGS(A_MEM(x), A_INT(pixels), A_INT(c), A_INT(slab_rows), A_MEM(workspace))));
    return dev_run(d, "bn/bn_finish", option, RANGE(blocks),
                   ARGS(A_MEM(workspace), A_INT(pixels), A_INT(c), A_INT(slab_rows), A_FLOAT(epsilon), A_MEM(bn->gamma),
                        A_MEM(bn->beta), A_MEM(bn->mean), A_MEM(bn->variance), A_MEM(bn->inverse_deviation),
                        A_MEM(bn->scale), A_MEM(bn->shift)));
}

enum vggcl_err bn_move(struct dev *d, struct tensor failed, struct tensor running, struct tensor batch) {
    return average_move(d, failed, running_momentum, running, batch);
}

enum vggcl_err bn_running(struct dev *d, size_t c, const struct bn *bn) {
    return dev_run(d, "bn/bn_inference", dev_vector_option(d, (int)c), RANGE(c / (size_t)dev_vector_width(d, (int)c)),
                   ARGS(A_INT(c), A_FLOAT(epsilon), A_MEM(bn->gamma), A_MEM(bn->beta), A_MEM(bn->running_mean),
                        A_MEM(bn->running_variance), A_MEM(bn->scale), A_MEM(bn->shift)));
}

enum vggcl_err bn_gradient_sums(struct dev *d, size_t parts, size_t c, struct tensor partial, struct tensor dgamma,
                                struct tensor dbeta) {
    return dev_run(d, "bn/bn_gradient_finish", dev_vector_option(d, (int)c),
                   RANGE(c / (size_t)dev_vector_width(d, (int)c)),
                   ARGS(A_MEM(partial), A_INT(parts), A_INT(c), A_MEM(dgamma), A_MEM(dbeta)));
}
