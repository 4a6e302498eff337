#include "ops/relu.h"

enum vggcl_err relu_forward(struct dev *d, size_t count, struct tensor x, struct tensor y) {
    size_t blocks = count / (size_t)dev_vector_width(d, (int)count);
    return dev_run(d, "relu/relu_forward", dev_vector_option(d, (int)count), RANGE(blocks),
                   ARGS(A_MEM(x), A_INT(blocks), A_MEM(y)));
}

enum vggcl_err relu_backward(struct dev *d, size_t count, struct tensor y, struct tensor dy, struct tensor dx) {
    size_t blocks = count / (size_t)dev_vector_width(d, (int)count);
    return dev_run(d, "relu/relu_backward", dev_vector_option(d, (int)count), RANGE(blocks),
                   ARGS(A_MEM(y), A_MEM(dy), A_INT(blocks), A_MEM(dx)));
}
