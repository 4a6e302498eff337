/* clblast.h - the engine "clblast": CLBlast's kernels, with the parameter set that the context's tuning selects. A
 * change of the set makes CLBlast compile its kernels again, which takes seconds. CLBlast cannot return to its own
 * defaults, the set "own", in the same process. */
#ifndef VGGCL_OPS_GEMM_CLBLAST_H
#define VGGCL_OPS_GEMM_CLBLAST_H

#include "ops/gemm/engine.h"

extern const struct gemm_engine gemm_clblast;

/* The version of the CLBlast header that vggcl was compiled with: "1.5.3", or "unknown". */
const char *clblast_version(void);

#endif
