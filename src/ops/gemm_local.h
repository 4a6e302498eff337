/* gemm_local.h - matrix products by cl/gemm_local.cl; reached through gemm.h only. */
#ifndef VGGCL_OPS_GEMM_LOCAL_H
#define VGGCL_OPS_GEMM_LOCAL_H

#include "ops/gemm.h"

/* As gemm(), by a tile that uses local memory. */
enum vggcl_err gemm_local(struct dev *d, struct gemm_tile tile, size_t m, size_t n, size_t k, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, size_t batch);

/* Bytes of local memory that a work-group takes. */
size_t gemm_local_bytes(struct gemm_tile tile);

#endif
