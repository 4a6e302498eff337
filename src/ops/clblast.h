/* clblast.h - matrix products by CLBlast; reached through gemm.h only. */
#ifndef VGGCL_OPS_CLBLAST_H
#define VGGCL_OPS_CLBLAST_H

#include "ops/gemm.h"

/* The sets of parameters that CLBlast can be given: the name of number `set`, NULL beyond the last. Number 0, "own", is
 * to leave it its own. A change compiles its kernels anew, which takes seconds, and lasts as long as the process: from
 * another set there is no way back to "own". */
const char *clblast_set_name(int set);
int clblast_built_in_set(const struct dev *d);

/* Of the header that it was compiled with: "1.5.3", or "unknown". */
const char *clblast_version(void);

/* As gemm(), by the set that d's tuning names. */
enum vggcl_err clblast_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                            enum gemm_add add, struct matrix c, size_t batch);

#endif
