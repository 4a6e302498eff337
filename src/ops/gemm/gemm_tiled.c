#include "ops/gemm/gemm_tiled.h"
#include "ops/context.h"
#include "ops/gemm/gemm_local.h"

static struct gemm_tile tile_for(const struct context *context, struct matrix a) {
    return context->tuning.tile[a.transposed];
}

/* Maximum bytes of local memory per step along k, into which a work-item packs columns of a transposed b. */
static size_t packed_step_bytes(struct gemm_tile t) {
    return sizeof(float) * (size_t)(t.vectors * t.width);
}

/* Columns of a transposed b are packed in full length, so local memory limits it too. */
static size_t longest_sum(const struct context *context, struct matrix a, struct matrix b) {
    struct gemm_tile t = tile_for(context, a);
    size_t rounds = gemm_tile_longest_sum(context->dev, t);
    size_t packed = (size_t)context->dev->info.local_memory / packed_step_bytes(t) / 64 * 64;
    if (t.group_rows || !b.transposed || packed >= rounds)
        return rounds;
    return packed ? packed : 64;
}

static void plan_registers(struct gemm_tile t, const struct gemm_plan *p, struct gemm_piece *piece) {
    const struct matrix *b = &p->b;
    size_t k = piece->k, width = gemm_vector_width((size_t)t.width, p->shape.n, *b, p->c);
    size_t vectors = (size_t)t.vectors, panel = (size_t)t.panel;
    if (b->transposed)
        width = gemm_dividing(width, k | b->offset | b->stride | b->step);
    while (p->shape.n / width % vectors)
        vectors--;
    for (int add = GEMM_SET; add <= GEMM_ADD; add++)
        piece->multiply[add] =
            kernel_make("gemm/gemm",
                        "-DVW=%zu -DCOLUMNS=%zu -DROWS=%d -DPANEL=%d -DTRANSPOSE_A=%d -DTRANSPOSE_B=%d -DACCUMULATE=%d",
                        width, vectors, t.rows, t.panel, p->a.transposed, b->transposed, add);
    piece->range = RANGE_SINGLE(p->shape.n / (width * vectors), (p->shape.m + panel - 1) / panel, p->shape.batch);
    piece->local_bytes = packed_step_bytes(t) * (b->transposed && k ? k : 1);
}

static enum vggcl_err run_registers(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                                    struct matrix b, enum gemm_add add, struct matrix c) {
    return dev_launch(d, &piece->multiply[add], piece->range,
                      ARGS(A_INT(p->shape.m), A_INT(p->shape.n), A_INT(piece->k), A_MEM(a.data), A_INT(a.offset),
                           A_INT(a.stride), A_INT(a.step), A_MEM(b.data), A_INT(b.offset), A_INT(b.stride),
                           A_INT(b.step), A_MEM(c.data), A_INT(c.offset), A_INT(c.stride), A_INT(c.step),
                           A_LOCAL(piece->local_bytes)));
}

static enum vggcl_err plan(const struct context *context, const struct gemm_plan *p, struct gemm_piece *piece) {
    struct gemm_tile t = piece->tile = tile_for(context, p->a);
    if (t.group_rows)
        gemm_local_plan(context->dev, t, p, piece);
    else
        plan_registers(t, p, piece);
    return VGGCL_OK;
}

static enum vggcl_err run(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch) {
    return piece->tile.group_rows ? gemm_local_run(d, p, piece, a, b, add, c, scratch)
                                  : run_registers(d, p, piece, a, b, add, c);
}

static const char *kernels(const struct context *context, bool transposed) {
    return context->tuning.tile[transposed].group_rows ? "gemm_local/gemm_local" : "gemm/gemm";
}

const struct gemm_engine gemm_tiled = {
    .name = "tiled", .tiled = true, .longest_sum = longest_sum, .plan = plan, .run = run, .kernels = kernels};
