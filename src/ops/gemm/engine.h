/* engine.h - implementations of matrix products (GEMM): one file for each, which ends in a const struct gemm_engine. A
 * product is planned once and launched often. To add an engine: write its file and add a row to gemm_engines (gemm.c).
 */
#ifndef VGGCL_OPS_GEMM_ENGINE_H
#define VGGCL_OPS_GEMM_ENGINE_H

#include "ops/gemm/matrix.h"
#include "ops/gemm/tile.h"

struct context; /* ops/context.h */
struct gemm_engine;

/* One launch of a plan, filled in by the engine's plan(). Engines use the members that they need. */
struct gemm_piece {
    size_t k;              /* length of the sums: number of columns of a, rows of b */
    struct gemm_tile tile; /* of the built-in kernels */
    size_t scratch_words;  /* scratch memory, in words */
    size_t parts;          /* sums are split into this many parts (split-K), in scratch memory; `add_up` adds them */
    size_t part_depth;     /* length of a part */
    size_t local_bytes;    /* local memory */
    struct range range;    /* of `multiply` */
    size_t add_up_items;   /* work-items of `add_up` */
    int clblast_set;       /* see clblast_parameters.h */
    struct kernel multiply[2], add_up[2]; /* by enum gemm_add */
};

/* The plan of a matrix product. Sums that are too long for one launch are split: launches of `whole`, with sums of
 * whole.k, then one launch of `last`. */
struct gemm_plan {
    const struct gemm_engine *engine;
    struct gemm_shape shape;
    struct matrix a, b, c; /* layouts of the operands; data is {0} */
    struct gemm_piece whole, last;
    size_t scratch_words; /* maximum of both pieces */
};

struct gemm_engine {
    const char *name;
    bool tiled;  /* uses the tiles of struct tuning */
    bool matrix; /* multiplies by the device's matrix instructions (cl/matrix.h), rounding both operands */

    /* The maximum length of sums in one launch. */
    size_t (*longest_sum)(const struct context *context, struct matrix a, struct matrix b);

    /* Plans one launch of p->shape with sums of piece->k instead of p->shape.k: fills in *piece. */
    enum vggcl_err (*plan)(const struct context *context, const struct gemm_plan *p, struct gemm_piece *piece);

    /* Launches a piece. a, b and c have the planned layouts, at offsets with the planned alignment. scratch:
     * piece->scratch_words. */
    enum vggcl_err (*run)(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch);

    /* Whether it can multiply at all in this context; NULL if always. */
    bool (*can)(const struct context *context);

    /* The name of the kernel that multiplies, for a not transposed or transposed, for output to users: "gemm/gemm". */
    const char *(*kernels)(const struct context *context, bool transposed);
};

#endif
