/* clblast_parameters.h - the parameter sets for CLBlast's kernels. */
#ifndef VGGCL_OPS_GEMM_CLBLAST_PARAMETERS_H
#define VGGCL_OPS_GEMM_CLBLAST_PARAMETERS_H

#include "cl/device.h"

/* Parameters of CLBlast's kernel Xgemm, in the order of the names in clblast.c. CLBLAST_OWN_SET is set number 0. */
enum { CLBLAST_OWN_SET, CLBLAST_PARAMETERS = 16 };
struct clblast_set {
    const char *name;
    size_t values[CLBLAST_PARAMETERS];
};

/* The set with number `set`; NULL if there is none. CLBLAST_OWN_SET, "own", stands for CLBlast's defaults. */
const struct clblast_set *clblast_set(int set);

/* The set's name; NULL if there is no such set. */
const char *clblast_set_name(int set);

/* The number of the set for d by the built-in rule. */
int clblast_built_in_set(const struct dev *d);

#endif
