#include "ops/pool.h"

#define SHAPE_ARGS(s) A_INT((s).n), A_INT((s).h), A_INT((s).w), A_INT((s).c)

enum vggcl_err pool_forward(struct dev *d, struct image_shape s, struct tensor x, struct tensor y) {
    size_t blocks = s.c / (size_t)dev_vector_width(d, (int)s.c);
    return dev_run(d, "pool/pool_forward", dev_vector_option(d, (int)s.c), RANGE(s.n * (s.h / 2) * (s.w / 2) * blocks),
                   ARGS(A_MEM(x), SHAPE_ARGS(s), A_MEM(y)));
}

enum vggcl_err pool_backward(struct dev *d, struct image_shape s, struct tensor x, struct tensor dy, struct tensor dx) {
    size_t blocks = s.c / (size_t)dev_vector_width(d, (int)s.c);
    return dev_run(d, "pool/pool_backward", dev_vector_option(d, (int)s.c),
                   RANGE(s.n * ((s.h + 1) / 2) * ((s.w + 1) / 2) * blocks),
                   ARGS(A_MEM(x), A_MEM(dy), SHAPE_ARGS(s), A_MEM(dx)));
}
