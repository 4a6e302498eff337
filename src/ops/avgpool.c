#include "ops/avgpool.h"

static size_t blocks_of(const struct dev *d, size_t c) {
    return c / (size_t)dev_vector_width(d, (int)c);
}

enum vggcl_err avgpool_forward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor x, struct tensor y) {
    return dev_run(d, "avgpool/avgpool_forward", dev_stored_option(d, (int)c, x.stored), RANGE(n * blocks_of(d, c)),
                   ARGS(A_MEM(x), A_INT(n), A_INT(plane), A_INT(c), A_MEM(y)));
}

enum vggcl_err avgpool_backward(struct dev *d, size_t n, size_t plane, size_t c, struct tensor dy, struct tensor dx) {
    return dev_run(d, "avgpool/avgpool_backward", dev_stored_option(d, (int)c, dx.stored),
                   RANGE(n * plane * blocks_of(d, c)), ARGS(A_MEM(dy), A_INT(n), A_INT(plane), A_INT(c), A_MEM(dx)));
}
