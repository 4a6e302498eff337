/* gemm_local.h - launches cl/gemm_local.cl, the kernels with local memory; used by gemm_tiled.c. */
#ifndef VGGCL_OPS_GEMM_GEMM_LOCAL_H
#define VGGCL_OPS_GEMM_GEMM_LOCAL_H

#include "ops/gemm/engine.h"
#include "ops/gemm/tile.h"

/* As struct gemm_engine's plan() and run(). */
void gemm_local_plan(const struct dev *d, struct gemm_tile tile, const struct gemm_plan *p, struct gemm_piece *piece);
enum vggcl_err gemm_local_run(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                              struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch);

#endif
