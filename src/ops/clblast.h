/* clblast.h - matrix products by CLBlast; reached through gemm.h only. */
#ifndef VGGCL_OPS_CLBLAST_H
#define VGGCL_OPS_CLBLAST_H

#include "ops/gemm.h"

/* As gemm(). */
enum vggcl_err clblast_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                            enum gemm_add add, struct matrix c, size_t batch);

#endif
