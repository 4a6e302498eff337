#include "ops/gemm_local.h"
#include "ops/channel.h"

#include <stdio.h>

/* Two steps of the kernel's A_STRIDE and B_STRIDE. */
size_t gemm_local_bytes(struct gemm_tile t) {
    return 4 * 2 * (size_t)t.depth *
           (size_t)(t.group_rows * t.rows + t.width + (t.group_columns * t.vectors + 1) * t.width);
}

/* Half the work-items, as often as they still make `size` rows or columns, `each` apiece. */
static size_t needed(size_t items, size_t each, size_t size) {
    while (items > 1 && items / 2 * each >= size)
        items /= 2;
    return items;
}

/* How a product is cut up: the width of its vectors, the work-items of a group and the groups, down and across, and the
 * parts that its sums are in, part_depth steps of k each but the last. */
struct cut {
    size_t width, group_rows, group_columns, down, across, part_depth, parts;
};

/* Too few work-groups leave compute units idle: then sums go in parts, until each unit has GROUPS of them, but none is
 * shorter than PART_STEPS of the tile's depth. */
enum { GROUPS = 2, PART_STEPS = 4 };

static struct cut cut_up(const struct dev *d, struct gemm_tile t, size_t m, size_t n, size_t k, struct matrix a,
                         struct matrix b, struct matrix c, size_t batch) {
    size_t rows = (size_t)t.rows, depth = (size_t)t.depth, along_a = a.transposed ? m : k | depth;
    struct cut cut = {.width =
                          gemm_dividing(gemm_vector_width(t, n, b, c), rows | along_a | a.offset | a.stride | a.step)};
    if (b.transposed)
        cut.width = gemm_dividing(cut.width, k | depth | b.offset | b.stride | b.step);
    size_t columns = (size_t)t.vectors * cut.width;
    cut.group_rows = needed((size_t)t.group_rows, rows, m);
    cut.group_columns = needed((size_t)t.group_columns, columns, n);
    cut.down = quotient_up(m, cut.group_rows * rows);
    cut.across = quotient_up(n, cut.group_columns * columns);
    size_t wanted = quotient_up(GROUPS * (size_t)d->info.compute_units, cut.down * cut.across * batch);
    size_t steps = quotient_up(quotient_up(k, depth), wanted);
    cut.part_depth = depth * (steps > PART_STEPS ? steps : PART_STEPS);
    cut.parts = k > cut.part_depth ? quotient_up(k, cut.part_depth) : 1; /* one of nothing is zeros */
    return cut;
}

static enum vggcl_err sum_parts(struct dev *d, struct cut cut, size_t m, size_t n, enum gemm_add add, struct matrix c,
                                size_t batch) {
    char options[48];
    snprintf(options, sizeof options, "-DVW=%zu -DACCUMULATE=%d", cut.width, add);
    return dev_run(d, "gemm_local/sum_parts", options, RANGE(batch * m * n / cut.width),
                   ARGS(A_MEM(d->gemm_scratch), A_INT(cut.parts), A_INT(m), A_INT(n), A_INT(batch), A_MEM(c.data),
                        A_INT(c.offset), A_INT(c.stride), A_INT(c.step)));
}

enum vggcl_err gemm_local(struct dev *d, struct gemm_tile t, size_t m, size_t n, size_t k, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, size_t batch) {
    char options[192];
    if (m * n * batch == 0)
        return VGGCL_OK;
    struct cut cut = cut_up(d, t, m, n, k, a, b, c, batch);
    struct matrix to = c;
    if (cut.parts > 1) {
        TRY(dev_gemm_scratch(d, cut.parts * batch * m * n));
        to = (struct matrix){d->gemm_scratch, 0, n, m * n, false};
    }
    snprintf(options, sizeof options,
             "-DVW=%zu -DCOLUMNS=%d -DROWS=%d -DGROUP_ROWS=%zu -DGROUP_COLUMNS=%zu -DDEPTH=%d -DTRANSPOSE_A=%d "
             "-DTRANSPOSE_B=%d -DACCUMULATE=%d",
             cut.width, t.vectors, t.rows, cut.group_rows, cut.group_columns, t.depth, a.transposed, b.transposed,
             add && cut.parts == 1);
    struct range range = {{cut.across * cut.group_columns, cut.down * cut.group_rows, batch * cut.parts},
                          {cut.group_columns, cut.group_rows, 1}};
    TRY(dev_run(d, "gemm_local/gemm_local", options, range,
                ARGS(A_INT(m), A_INT(n), A_INT(k), A_MEM(a.data), A_INT(a.offset), A_INT(a.stride), A_INT(a.step),
                     A_MEM(b.data), A_INT(b.offset), A_INT(b.stride), A_INT(b.step), A_MEM(to.data), A_INT(to.offset),
                     A_INT(to.stride), A_INT(to.step), A_INT(batch), A_INT(cut.part_depth), A_INT(batch * m * n))));
    return cut.parts == 1 ? VGGCL_OK : sum_parts(d, cut, m, n, add, c, batch);
}
