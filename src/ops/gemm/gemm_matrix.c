#include "ops/gemm/gemm_matrix.h"
#include "cl/matrix.h"
#include "ops/channel.h"
#include "ops/context.h"

#include <stdint.h>

/* Packed rows of A are followed by a gap, so that the rows of a tile do not all have the same place
 * in a cache. */
enum { GAP = 32 };

static bool can(const struct context *context) {
    const struct matrix_backend *m = context->dev->matrix;
    return m && context->stored == m->operands;
}

static size_t longest_sum(const struct context *context, struct matrix a, struct matrix b) {
    (void)context, (void)a, (void)b;
    return SIZE_MAX;
}

/* Scratch memory: A and B as rounded numbers, then sums, which are cropped, unless c is whole blocks. */
struct layout {
    size_t rows, columns; /* of whole blocks */
    size_t steps;         /* of MATRIX_DEPTH along k */
    size_t row_numbers;   /* from one row of A to the next */
    size_t b, sums;       /* where B begins, in numbers, and the sums, in words */
    bool cropped;
};

static struct layout layout_of(const struct dev *d, const struct gemm_plan *p, size_t k) {
    size_t side = MATRIX_SIDE * (size_t)d->matrix->rows, width = MATRIX_SIDE * (size_t)d->matrix->columns;
    struct layout l = {.rows = quotient_up(p->shape.m, side) * side,
                       .columns = quotient_up(p->shape.n, width) * width,
                       .steps = quotient_up(k, MATRIX_DEPTH)};
    l.row_numbers = l.steps * MATRIX_DEPTH + GAP;
    l.b = l.rows * l.row_numbers;
    l.sums = storage_words(l.b + l.steps * MATRIX_DEPTH * l.columns, d->matrix->operands);
    l.cropped = l.rows != p->shape.m || l.columns != p->shape.n || (p->c.offset | p->c.stride) % MATRIX_SIDE;
    return l;
}

static struct kernel kernel_of(const char *name, const struct dev *d) {
    return kernel_make(name, "%s", matrix_options(d).text);
}

/* In piece->multiply[]; add_up[0] crops. */
enum { PRODUCT, PACK };

static enum vggcl_err plan(const struct context *context, const struct gemm_plan *p, struct gemm_piece *piece) {
    const struct dev *d = context->dev;
    if (p->shape.batch != 1 || !can(context))
        return err_set(VGGCL_EUSAGE,
                       "matrix products by matrix instructions are those of linear layers, in their precision");
    struct layout l = layout_of(d, p, piece->k);
    piece->scratch_words = l.sums + (l.cropped ? l.rows * l.columns : 0);
    piece->multiply[PRODUCT] = kernel_of("gemm_matrix/matrix_product", d);
    piece->multiply[PACK] = kernel_of("gemm_matrix/matrix_pack", d);
    piece->add_up[0] = kernel_of("gemm_matrix/matrix_crop", d);
    return VGGCL_OK;
}

/* Packs `count` rows of A, or columns of B, as `padded`. */
static enum vggcl_err pack(struct dev *d, struct gemm_piece *piece, struct layout l, struct matrix m, bool rows,
                           size_t count, size_t padded, struct tensor scratch) {
    size_t tiles = padded / MATRIX_SIDE;
    return dev_launch(d, &piece->multiply[PACK], dev_grid(d, tiles * l.steps, 1),
                      ARGS(A_MEM(m.data), A_INT(m.offset), A_INT(m.stride), A_INT(m.transposed == rows), A_INT(count),
                           A_INT(piece->k), A_INT(tiles), A_INT(rows), A_INT(l.row_numbers), A_INT(d->matrix->columns),
                           A_MEM(scratch), A_INT(rows ? 0 : l.b)));
}

static enum vggcl_err run(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch) {
    size_t m = p->shape.m, n = p->shape.n;
    struct layout l = layout_of(d, p, piece->k);
    size_t row_blocks = l.rows / MATRIX_SIDE / (size_t)d->matrix->rows;
    size_t blocks = row_blocks * (l.columns / MATRIX_SIDE / (size_t)d->matrix->columns);
    struct matrix to = l.cropped ? (struct matrix){scratch, l.sums, l.columns, 0, false} : c;
    if (piece->k) {
        TRY(pack(d, piece, l, a, true, m, l.rows, scratch));
        TRY(pack(d, piece, l, b, false, n, l.columns, scratch));
    }
    TRY(dev_launch(d, &piece->multiply[PRODUCT], matrix_range(d, blocks),
                   ARGS(A_MEM(scratch), A_INT(l.b), A_INT(row_blocks), A_INT(l.steps), A_INT(l.row_numbers),
                        A_INT(add && !l.cropped), A_MEM(to.data), A_INT(to.offset), A_INT(to.stride))));
    if (!l.cropped)
        return VGGCL_OK;
    return dev_launch(d, &piece->add_up[0], RANGE(m * n),
                      ARGS(A_MEM(scratch), A_INT(l.sums), A_INT(l.columns), A_INT(m), A_INT(n), A_INT(add),
                           A_MEM(c.data), A_INT(c.offset), A_INT(c.stride)));
}

static const char *kernels(const struct context *context, bool transposed) {
    (void)context, (void)transposed;
    return "gemm_matrix/*";
}

const struct gemm_engine gemm_matrix = {.name = "matrix",
                                        .matrix = true,
                                        .longest_sum = longest_sum,
                                        .plan = plan,
                                        .run = run,
                                        .kernels = kernels,
                                        .can = can};
