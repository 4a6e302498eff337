#include "ops/peak_matrix.h"
#include "cl/matrix.h"

#include <stdio.h>

/* As in cl/peak_matrix.cl. */
enum { TILE_SIDE = 16, GAP = 32 };

size_t peak_matrix_operands(const struct dev *d) {
    size_t rows = TILE_SIDE * (size_t)d->matrix->rows, columns = TILE_SIDE * (size_t)d->matrix->columns;
    return storage_words(rows * (PEAK_DEPTH + GAP) + PEAK_DEPTH * columns, d->matrix->operands);
}

size_t peak_matrix_sums(const struct dev *d) {
    return (size_t)d->matrix->rows * (size_t)d->matrix->columns * TILE_SIDE * TILE_SIDE;
}

enum vggcl_err peak_matrix(struct dev *d, size_t blocks, size_t rounds, struct tensor operands, struct tensor sums,
                           double *flops) {
    char options[64];
    snprintf(options, sizeof options, "-DSTORED=%d -DVW=%d -DMATRIX=%d -DSUBGROUP=%d", d->matrix->operands, TILE_SIDE,
             d->matrix->number, d->matrix->lanes);
    *flops = 2.0 * PEAK_DEPTH * (double)rounds * (double)(blocks * peak_matrix_sums(d));
    return dev_run(d, "peak_matrix/matrix_products", options, matrix_range(d, blocks),
                   ARGS(A_MEM(operands), A_INT(rounds), A_MEM(sums)));
}
