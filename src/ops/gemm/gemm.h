/* gemm.h - matrix products. All products in the program are planned and launched by these functions.
 *
 *     struct gemm_shape shape = {m, n, k, 1};
 *     struct gemm_plan p;
 *     TRY(gemm_make_plan(context, NULL, shape, MATRIX(none, k), MATRIX(none, n), MATRIX(none, n), &p));
 *     TRY(gemm_run(d, &p, MATRIX(a, k), MATRIX(b, n), GEMM_SET, MATRIX(c, n), scratch)); */
#ifndef VGGCL_OPS_GEMM_GEMM_H
#define VGGCL_OPS_GEMM_GEMM_H

#include "ops/context.h"
#include "ops/gemm/engine.h"

/* All engines; ends with NULL. The first one is the default: it is up to twice as fast as CLBlast, also on an H100. */
extern const struct gemm_engine *const gemm_engines[];

/* "auto", then the names of gemm_engines in their order; ends with NULL. */
extern const char *const gemm_engine_names[];

/* The engine of that name: one of gemm_engines, or "matrix", which only linear layers use; NULL if there is none. */
const struct gemm_engine *gemm_named(const char *name);

/* Sets *engine to the engine of that name, or to NULL for "auto". VGGCL_EUSAGE, listing the names, for any other. */
enum vggcl_err gemm_find_engine(const char *name, const struct gemm_engine **engine);

/* The engine to use: the user's choice if there is one, else `wanted`, or the default if `wanted` is NULL. If that is
 * wrong on the device, the first one that is not; if there is none, it remains. */
const struct gemm_engine *gemm_engine(const struct context *context, const struct gemm_engine *wanted);

/* The engine of linear layers: matrix instructions where the context has them for bfloat16, else as
 * gemm_engine(context, NULL). */
const struct gemm_engine *gemm_linear_engine(const struct context *context);

/* Whether the engine can multiply in the context, and the user left the choice open, or chose this engine, or one that
 * is wrong on the device. */
bool gemm_allows(const struct context *context, const struct gemm_engine *engine);

/* Plans c = a b, and c += a b, for matrices with the layouts of a, b and c; a and b may be transposed, and data is not
 * used. engine: NULL for gemm_engine(context, NULL). p->scratch_words is the scratch memory that gemm_run() needs. */
enum vggcl_err gemm_make_plan(const struct context *context, const struct gemm_engine *engine, struct gemm_shape shape,
                              struct matrix a, struct matrix b, struct matrix c, struct gemm_plan *p);

/* Enqueues c = a b (GEMM_SET) or c += a b (GEMM_ADD), for matrices with the planned layouts; offsets may be larger than
 * planned by multiples of the strides. scratch: at least p->scratch_words words. */
enum vggcl_err gemm_run(struct dev *d, struct gemm_plan *p, struct matrix a, struct matrix b, enum gemm_add add,
                        struct matrix c, struct tensor scratch);

#endif
