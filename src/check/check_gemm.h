/* check_gemm.h - the reference for matrix products. */
#ifndef VGGCL_CHECK_CHECK_GEMM_H
#define VGGCL_CHECK_CHECK_GEMM_H

#include "check/sum.h"
#include "ops/gemm/gemm.h"

/* Element (row, column) of product `number` of a batch. a and b are the words; the tensors of the views are not used.
 */
struct sum reference_gemm(size_t depth, struct matrix a_view, const float *a, struct matrix b_view, const float *b,
                          size_t number, size_t row, size_t column);

#endif
