#include "ops/softmax.h"

/* A kernel's argument must be a buffer, so that for one that is not read another one stands in. */
enum vggcl_err softmax_cross_entropy(struct dev *d, size_t n, size_t classes, const struct targets *t, double divisor,
                                     struct tensor logits, struct tensor loss, struct tensor predicted,
                                     struct tensor dlogits) {
    return dev_run(d, "softmax/softmax_cross_entropy", "", RANGE(n),
                   ARGS(A_MEM(logits), A_MEM(t->label), A_MEM(t->share < 1 ? t->partner_label : t->label),
                        A_MEM(t->weighted ? t->weight : logits), A_INT(n), A_INT(classes), A_FLOAT(t->share),
                        A_INT(t->weighted), A_FLOAT(t->smoothing), A_FLOAT(divisor), A_MEM(loss), A_MEM(predicted),
                        A_MEM(dlogits)));
}

enum vggcl_err softmax_total(struct dev *d, size_t n, struct tensor loss, struct tensor predicted, struct tensor label,
                             struct tensor total, bool watch, struct tensor failed) {
    return dev_run(
        d, "softmax/softmax_total", "", RANGE_SINGLE(1, 1, 1),
        ARGS(A_MEM(loss), A_MEM(predicted), A_MEM(label), A_INT(n), A_MEM(total), A_INT(watch), A_MEM(failed)));
}
