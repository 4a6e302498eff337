#include "ops/flatten.h"

enum vggcl_err flatten_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y) {
    return dev_run(d, "flatten/flatten_forward", dev_stored_option(d, 1, x.stored), RANGE(n * plane * c),
                   ARGS(A_MEM(x), A_INT(n), A_INT(plane), A_INT(c), A_MEM(y)));
}

enum vggcl_err flatten_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx) {
    return dev_run(d, "flatten/flatten_backward", dev_stored_option(d, 1, dx.stored), RANGE(n * plane * c),
                   ARGS(A_MEM(dy), A_INT(n), A_INT(plane), A_INT(c), A_MEM(dx)));
}
