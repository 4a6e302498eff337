#include "ops/peak.h"

enum { CHAINS = 12, MOST_LANES = 16 }; /* CHAINS as in cl/peak.cl; MOST_LANES: a multiple of every vector width */

size_t peak_sum_words(const struct dev *d, size_t items) {
    return items * (size_t)d->vector_width;
}

enum vggcl_err peak_multiply_add(struct dev *d, size_t items, size_t rounds, struct tensor sum, double *flops) {
    *flops = 2.0 * CHAINS * (double)rounds * (double)peak_sum_words(d, items);
    return dev_run(d, "peak/multiply_add", dev_vector_option(d, MOST_LANES), RANGE(items),
                   ARGS(A_INT(items), A_INT(rounds), A_FLOAT(1), A_MEM(sum)));
}

enum vggcl_err peak_copy(struct dev *d, size_t count, struct tensor from, struct tensor to) {
    size_t blocks = count / (size_t)dev_vector_width(d, MOST_LANES);
    return dev_run(d, "peak/copy", dev_vector_option(d, MOST_LANES), RANGE(blocks),
                   ARGS(A_MEM(from), A_INT(blocks), A_MEM(to)));
}
