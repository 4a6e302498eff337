#include "ops/accumulate.h"

enum vggcl_err accumulate(struct dev *d, bool first, struct tensor addend, struct tensor sum) {
    size_t blocks = sum.count / (size_t)dev_vector_width(d, (int)sum.count);
    return dev_run(d, "accumulate/accumulate", dev_vector_option(d, (int)sum.count), RANGE(blocks),
                   ARGS(A_MEM(sum), A_MEM(addend), A_INT(blocks), A_INT(first)));
}
