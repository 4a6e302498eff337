#include "ops/gemm_local.h"

#include <stdio.h>

/* The kernel's A_STRIDE and B_STRIDE. */
size_t gemm_local_bytes(struct gemm_tile t) {
    return 4 * (size_t)t.depth * (size_t)(t.group_rows * t.rows + 1 + (t.group_columns * t.vectors + 1) * t.width);
}

/* Half the work-items, as often as they still make `size` rows or columns, `each` apiece. */
static size_t needed(size_t items, size_t each, size_t size) {
    while (items > 1 && items / 2 * each >= size)
        items /= 2;
    return items;
}

enum vggcl_err gemm_local(struct dev *d, struct gemm_tile t, size_t m, size_t n, size_t k, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, size_t batch) {
    char options[192];
    size_t width = gemm_vector_width(t, n, b, c), rows = (size_t)t.rows, columns = (size_t)t.vectors * width;
    size_t group_rows = needed((size_t)t.group_rows, rows, m);
    size_t group_columns = needed((size_t)t.group_columns, columns, n);
    size_t tile_rows = group_rows * rows, tile_columns = group_columns * columns;
    snprintf(options, sizeof options,
             "-DVW=%zu -DCOLUMNS=%d -DROWS=%d -DGROUP_ROWS=%zu -DGROUP_COLUMNS=%zu -DDEPTH=%d -DTRANSPOSE_A=%d "
             "-DTRANSPOSE_B=%d -DACCUMULATE=%d",
             width, t.vectors, t.rows, group_rows, group_columns, t.depth, a.transposed, b.transposed, add);
    struct range range = {
        {(n + tile_columns - 1) / tile_columns * group_columns, (m + tile_rows - 1) / tile_rows * group_rows, batch},
        {group_columns, group_rows, 1}};
    return dev_run(d, "gemm_local/gemm_local", options, range,
                   ARGS(A_INT(m), A_INT(n), A_INT(k), A_MEM(a.data), A_INT(a.offset), A_INT(a.stride), A_INT(a.step),
                        A_MEM(b.data), A_INT(b.offset), A_INT(b.stride), A_INT(b.step), A_MEM(c.data), A_INT(c.offset),
                        A_INT(c.stride), A_INT(c.step)));
}
