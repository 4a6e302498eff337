/* gemm_tiled.h - the engine "tiled": the built-in kernels, register-tiled (cl/gemm.cl) for CPUs, or with local memory
 * (cl/gemm_local.cl) for GPUs. The context's tile selects one of them. */
#ifndef VGGCL_OPS_GEMM_GEMM_TILED_H
#define VGGCL_OPS_GEMM_GEMM_TILED_H

#include "ops/gemm/engine.h"

extern const struct gemm_engine gemm_tiled;

#endif
