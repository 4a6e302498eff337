#include "ops/softmax.h"

enum vggcl_err softmax_cross_entropy(struct dev *d, size_t n, size_t classes, double smoothing, double divisor,
                                     struct tensor logits, struct tensor label, struct tensor loss,
                                     struct tensor predicted, struct tensor dlogits) {
    return dev_run(d, "softmax/softmax_cross_entropy", "", RANGE(n),
                   ARGS(A_MEM(logits), A_MEM(label), A_INT(n), A_INT(classes), A_FLOAT(smoothing), A_FLOAT(divisor),
                        A_MEM(loss), A_MEM(predicted), A_MEM(dlogits)));
}

enum vggcl_err softmax_weigh(struct dev *d, size_t n, size_t classes, struct tensor label, struct tensor weight,
                             struct tensor loss, struct tensor dlogits) {
    return dev_run(d, "softmax/softmax_weigh", "", RANGE(n),
                   ARGS(A_MEM(label), A_INT(n), A_INT(classes), A_MEM(weight), A_MEM(loss), A_MEM(dlogits)));
}

enum vggcl_err softmax_total(struct dev *d, size_t n, struct tensor loss, struct tensor predicted, struct tensor label,
                             struct tensor total, bool watch, struct tensor failed) {
    return dev_run(
        d, "softmax/softmax_total", "", RANGE_SINGLE(1, 1, 1),
        ARGS(A_MEM(loss), A_MEM(predicted), A_MEM(label), A_INT(n), A_MEM(total), A_INT(watch), A_MEM(failed)));
}
