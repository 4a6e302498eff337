#include "ops/peak_matrix.h"
#include "cl/matrix.h"

/* As in cl/peak_matrix.cl. */
enum { GAP = 32 };

size_t peak_matrix_operands(const struct dev *d) {
    size_t rows = MATRIX_SIDE * (size_t)d->matrix->rows, columns = MATRIX_SIDE * (size_t)d->matrix->columns;
    return storage_words(rows * (PEAK_DEPTH + GAP) + PEAK_DEPTH * columns, d->matrix->operands);
}

size_t peak_matrix_sums(const struct dev *d) {
    return (size_t)d->matrix->rows * (size_t)d->matrix->columns * MATRIX_SIDE * MATRIX_SIDE;
}

enum vggcl_err peak_matrix(struct dev *d, size_t blocks, size_t rounds, struct tensor operands, struct tensor sums,
                           double *flops) {
    *flops = 2.0 * PEAK_DEPTH * (double)rounds * (double)(blocks * peak_matrix_sums(d));
    return dev_run(d, "peak_matrix/matrix_products", matrix_options(d).text, matrix_range(d, blocks),
                   ARGS(A_MEM(operands), A_INT(rounds), A_MEM(sums)));
}
