#include "ops/storage.h"

static size_t blocks_of(const struct dev *d, size_t c) {
    return c / (size_t)dev_vector_width(d, (int)c);
}

enum vggcl_err storage_widen(struct dev *d, size_t pixels, size_t c, struct tensor x, size_t first, struct tensor to) {
    size_t blocks = blocks_of(d, c);
    return dev_run(d, "storage/widen", dev_stored_option(d, (int)c, x.stored), RANGE(pixels * blocks),
                   ARGS(A_MEM(x), A_INT(first * blocks), A_INT(pixels * blocks), A_MEM(to)));
}

enum vggcl_err storage_narrow(struct dev *d, size_t pixels, size_t c, struct tensor from, struct tensor bias,
                              struct tensor y, size_t first) {
    size_t blocks = blocks_of(d, c);
    return dev_run(d, "storage/narrow", dev_stored_option(d, (int)c, y.stored), RANGE(pixels * blocks),
                   ARGS(A_MEM(from), A_INT(first * blocks), A_INT(pixels * blocks), A_INT(c), A_INT(bias.mem != NULL),
                        A_MEM(bias), A_MEM(y)));
}
