#include "ops/flatten.h"

static enum vggcl_err run(struct dev *d, size_t n, size_t plane, size_t c, bool back, struct tensor from,
                          struct tensor to) {
    return dev_run(d, "flatten/flatten", "", RANGE(n * plane * c),
                   ARGS(A_MEM(from), A_INT(n), A_INT(plane), A_INT(c), A_INT(back), A_MEM(to)));
}

enum vggcl_err flatten_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y) {
    return run(d, n, plane, c, false, x, y);
}

enum vggcl_err flatten_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx) {
    return run(d, n, plane, c, true, dy, dx);
}
