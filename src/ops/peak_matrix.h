/* peak_matrix.h - a kernel that measures the peak of a device's matrix instructions. */
#ifndef VGGCL_OPS_PEAK_MATRIX_H
#define VGGCL_OPS_PEAK_MATRIX_H

#include "cl/device.h"

/* With the matrix instructions d->matrix, `blocks` work-groups each add `rounds` times the product of two matrices of
 * bfloat16 numbers, of PEAK_DEPTH numbers in a row and in a column. operands: peak_matrix_operands(d) words with the
 * two, sums: peak_matrix_sums(d) words for each block. *flops is set to the number of operations; a multiply-add counts
 * as two. */
enum { PEAK_DEPTH = 128 };
enum vggcl_err peak_matrix(struct dev *d, size_t blocks, size_t rounds, struct tensor operands, struct tensor sums,
                           double *flops);
size_t peak_matrix_operands(const struct dev *d);
size_t peak_matrix_sums(const struct dev *d);

#endif
