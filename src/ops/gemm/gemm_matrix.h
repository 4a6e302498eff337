/* gemm_matrix.h - the engine "matrix" of linear layers: a device's matrix instructions (cl/matrix.h). Both operands are
 * rounded to bfloat16 or tf32; sums are floats. For single products, not batches. */
#ifndef VGGCL_OPS_GEMM_GEMM_MATRIX_H
#define VGGCL_OPS_GEMM_GEMM_MATRIX_H

#include "ops/gemm/engine.h"

extern const struct gemm_engine gemm_matrix;

#endif
