#include "ops/gemm/gemm_local.h"
#include "ops/channel.h"

/* Halves the number of work-items while they still cover `size` rows or columns, `each` per work-item. */
static size_t needed(size_t items, size_t each, size_t size) {
    while (items > 1 && items / 2 * each >= size)
        items /= 2;
    return items;
}

/* Too few work-groups would leave compute units idle. Then sums are split into parts (split-K), until there are GROUPS
 * work-groups per compute unit, but no part is shorter than PART_STEPS times the tile's depth. */
enum { GROUPS = 2, PART_STEPS = 4 };

static size_t width_of(struct gemm_tile t, const struct gemm_plan *p, size_t k) {
    const struct matrix *a = &p->a, *b = &p->b;
    size_t depth = (size_t)t.depth, along_a = a->transposed ? p->shape.m : k | depth;
    size_t width = gemm_dividing(gemm_vector_width((size_t)t.width, p->shape.n, *b, p->c),
                                 (size_t)t.rows | along_a | a->offset | a->stride | a->step);
    return b->transposed ? gemm_dividing(width, k | depth | b->offset | b->stride | b->step) : width;
}

void gemm_local_plan(const struct dev *d, struct gemm_tile t, const struct gemm_plan *p, struct gemm_piece *piece) {
    const struct gemm_shape *s = &p->shape;
    size_t k = piece->k, width = width_of(t, p, k), rows = (size_t)t.rows, columns = (size_t)t.vectors * width;
    size_t group_rows = needed((size_t)t.group_rows, rows, s->m);
    size_t group_columns = needed((size_t)t.group_columns, columns, s->n);
    size_t down = quotient_up(s->m, group_rows * rows), across = quotient_up(s->n, group_columns * columns);
    if (s->m * s->n * s->batch == 0)
        return;
    size_t depth = (size_t)t.depth, groups = down * across * s->batch;
    size_t wanted = quotient_up(GROUPS * (size_t)d->info.compute_units, groups);
    size_t steps = quotient_up(quotient_up(k, depth), wanted);
    piece->part_depth = depth * (steps > PART_STEPS ? steps : PART_STEPS);
    piece->parts =
        k > piece->part_depth ? quotient_up(k, piece->part_depth) : 1; /* k = 0 is one part: it writes zeros */
    piece->range = (struct range){{across * group_columns, down * group_rows, s->batch * piece->parts},
                                  {group_columns, group_rows, 1}};
    piece->scratch_words = piece->parts > 1 ? piece->parts * s->batch * s->m * s->n : 0;
    piece->add_up_items = s->batch * s->m * s->n / width;
    for (int add = GEMM_SET; add <= GEMM_ADD; add++) {
        piece->multiply[add] = kernel_make(
            "gemm_local/gemm_local",
            "-DVW=%zu -DCOLUMNS=%d -DROWS=%d -DGROUP_ROWS=%zu -DGROUP_COLUMNS=%zu -DDEPTH=%d -DTRANSPOSE_A=%d "
            "-DTRANSPOSE_B=%d -DACCUMULATE=%d -DA_STRIDE=%zu -DB_STRIDE=%zu",
            width, t.vectors, t.rows, group_rows, group_columns, t.depth, p->a.transposed, p->b.transposed,
            add && piece->parts == 1, gemm_local_stride(group_rows, rows, width),
            gemm_local_stride(group_columns, columns, width));
        piece->add_up[add] = kernel_make("gemm_local/sum_parts", "-DVW=%zu -DACCUMULATE=%d", width, add);
    }
}

enum vggcl_err gemm_local_run(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                              struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch) {
    size_t m = p->shape.m, n = p->shape.n, batch = p->shape.batch;
    if (m * n * batch == 0)
        return VGGCL_OK;
    struct matrix to = piece->parts > 1 ? (struct matrix){scratch, 0, n, m * n, false} : c;
    TRY(dev_launch(d, &piece->multiply[add], piece->range,
                   ARGS(A_INT(m), A_INT(n), A_INT(piece->k), A_MEM(a.data), A_INT(a.offset), A_INT(a.stride),
                        A_INT(a.step), A_MEM(b.data), A_INT(b.offset), A_INT(b.stride), A_INT(b.step), A_MEM(to.data),
                        A_INT(to.offset), A_INT(to.stride), A_INT(to.step), A_INT(batch), A_INT(piece->part_depth),
                        A_INT(batch * m * n))));
    if (piece->parts == 1)
        return VGGCL_OK;
    return dev_launch(d, &piece->add_up[add], RANGE(piece->add_up_items),
                      ARGS(A_MEM(scratch), A_INT(piece->parts), A_INT(m), A_INT(n), A_INT(batch), A_MEM(c.data),
                           A_INT(c.offset), A_INT(c.stride), A_INT(c.step)));
}
