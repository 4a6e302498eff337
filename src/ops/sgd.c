#include "ops/sgd.h"

enum vggcl_err sgd_step(struct dev *d, struct sgd sgd, double scale, struct tensor failed, struct tensor weight,
                        struct tensor gradient, struct tensor velocity) {
    size_t blocks = weight.count / (size_t)dev_vector_width(d, (int)weight.count);
    return dev_run(d, "sgd/sgd_step", dev_vector_option(d, (int)weight.count), RANGE(blocks),
                   ARGS(A_MEM(failed), A_MEM(weight), A_MEM(gradient), A_MEM(velocity), A_INT(blocks), A_FLOAT(sgd.lr),
                        A_FLOAT(sgd.momentum), A_FLOAT(sgd.weight_decay), A_FLOAT(1 / scale)));
}
