#include "ops/average.h"

static size_t blocks_of(const struct dev *d, struct tensor t) {
    return t.count / (size_t)dev_vector_width(d, (int)t.count);
}

enum vggcl_err average_move(struct dev *d, struct tensor failed, double share, struct tensor average,
                            struct tensor value) {
    size_t blocks = blocks_of(d, average);
    return dev_run(d, "average/average_move", dev_vector_option(d, (int)average.count), RANGE(blocks),
                   ARGS(A_MEM(failed), A_MEM(average), A_MEM(value), A_INT(blocks), A_FLOAT(share)));
}

enum vggcl_err average_swap(struct dev *d, struct tensor a, struct tensor b) {
    size_t blocks = blocks_of(d, a);
    return dev_run(d, "average/average_swap", dev_vector_option(d, (int)a.count), RANGE(blocks),
                   ARGS(A_MEM(a), A_MEM(b), A_INT(blocks)));
}
