#include "ops/sgd.h"

enum vggcl_err sgd_step(struct dev *d, struct sgd sgd, double scale, size_t matrices, struct tensor failed,
                        struct tensor weight, struct tensor gradient, struct tensor velocity) {
    size_t decayed = sgd.spare_vectors ? matrices : weight.count;
    size_t blocks = weight.count / (size_t)dev_vector_width(d, (int)weight.count);
    return dev_run(d, "sgd/sgd_step", dev_vector_option(d, (int)weight.count), RANGE(blocks),
                   ARGS(A_MEM(failed), A_MEM(weight), A_MEM(gradient), A_MEM(velocity), A_INT(blocks), A_INT(decayed),
                        A_FLOAT(sgd.lr), A_FLOAT(sgd.momentum), A_FLOAT(sgd.weight_decay), A_INT(sgd.nesterov),
                        A_FLOAT(1 / scale)));
}
