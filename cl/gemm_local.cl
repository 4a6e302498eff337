/* gemm_local.cl - the matrix product of gemm.cl for devices whose work-groups share fast local memory (GPUs):
 *
 *     c[row][column] = sum over k of a[row][k] * b[k][column]  (+ c[row][column] where ACCUMULATE)
 *
 * A work-group makes TILE_ROWS x TILE_COLUMNS of c. It copies what that takes of a and b to local memory, DEPTH steps of
 * k at a time, zeros beyond the borders; each work-item then multiplies ROWS x COLUMNS vectors in registers. Its rows
 * lie GROUP_ROWS apart and its vectors GROUP_COLUMNS, so that neighbours read and write neighbours. */

#ifndef ROWS
#define ROWS 8 /* of a work-item */
#endif
#ifndef COLUMNS
#define COLUMNS 1 /* vectors of a work-item */
#endif
#ifndef GROUP_ROWS
#define GROUP_ROWS 16 /* work-items of a group, down */
#endif
#ifndef GROUP_COLUMNS
#define GROUP_COLUMNS 16 /* and across */
#endif
#ifndef DEPTH
#define DEPTH 16 /* steps of k in local memory at once */
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0 /* a is stored as [k][row] */
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0 /* b is stored as [column][k] */
#endif
#ifndef ACCUMULATE
#define ACCUMULATE 0
#endif

#define GROUP (GROUP_ROWS * GROUP_COLUMNS)
#define TILE_ROWS (GROUP_ROWS * ROWS)
#define TILE_VECTORS (GROUP_COLUMNS * COLUMNS)
#define TILE_COLUMNS (TILE_VECTORS * VW)

/* Local rows are one word or vector longer than they need be: neighbours in a column then lie in different banks. */
#define A_STRIDE (TILE_ROWS + 1)
#define B_STRIDE ((TILE_VECTORS + 1) * VW)

/* Copies rows x DEPTH of a matrix to a local array, [k][row]. Work-items next to each other read words that are: along
 * the rows where along_rows, else along k. */
static inline void copy_tile(global const float *from, int stride, bool along_rows, int rows, int rows_left, int depth_left,
                             int item, local float *to, int to_stride) {
    for (int i = item; i < rows * DEPTH; i += GROUP) {
        int row = along_rows ? i % rows : i / DEPTH, k = along_rows ? i / rows : i % DEPTH;
        size_t at = along_rows ? (size_t)k * stride + row : (size_t)row * stride + k;
        to[k * to_stride + row] = row < rows_left && k < depth_left ? from[at] : 0;
    }
}

/* The arguments are gemm's; n is a multiple of VW. */
kernel __attribute__((reqd_work_group_size(GROUP_COLUMNS, GROUP_ROWS, 1))) void
gemm_local(int m, int n, int depth, global const float *a, int a_offset, int lda, int a_step, global const float *b,
           int b_offset, int ldb, int b_step, global float *c, int c_offset, int ldc, int c_step) {
    local float a_tile[DEPTH * A_STRIDE];
    local vec b_tile[DEPTH * B_STRIDE / VW];
    int x = get_local_id(0), y = get_local_id(1), item = y * GROUP_COLUMNS + x;
    int first_column = get_group_id(0) * TILE_COLUMNS, first_row = get_group_id(1) * TILE_ROWS;
    size_t matrix = get_global_id(2);
    a += a_offset + matrix * a_step + (size_t)first_row * (TRANSPOSE_A ? 1 : lda);
    b += b_offset + matrix * b_step + (size_t)first_column * (TRANSPOSE_B ? ldb : 1);
    c += c_offset + matrix * c_step;
    vec sum[ROWS][COLUMNS];
    UNROLL for (int r = 0; r < ROWS; r++)
        UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = 0;
    for (int done = 0; done < depth; done += DEPTH) {
        copy_tile(a + (size_t)done * (TRANSPOSE_A ? lda : 1), lda, TRANSPOSE_A, TILE_ROWS, m - first_row, depth - done,
                  item, a_tile, A_STRIDE);
        copy_tile(b + (size_t)done * (TRANSPOSE_B ? 1 : ldb), ldb, !TRANSPOSE_B, TILE_COLUMNS, n - first_column,
                  depth - done, item, (local float *)b_tile, B_STRIDE);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = 0; k < DEPTH; k++) {
            vec b_row[COLUMNS];
            UNROLL for (int j = 0; j < COLUMNS; j++) b_row[j] =
                b_tile[k * (B_STRIDE / VW) + j * GROUP_COLUMNS + x];
            UNROLL for (int r = 0; r < ROWS; r++) {
                vec value = a_tile[k * A_STRIDE + r * GROUP_ROWS + y];
                UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = MAD(value, b_row[j], sum[r][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (int r = 0; r < ROWS; r++) {
        int row = first_row + r * GROUP_ROWS + y;
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            int column = first_column + (j * GROUP_COLUMNS + x) * VW;
            if (row < m && column < n) {
                global float *to = c + (size_t)row * ldc + column;
#if ACCUMULATE
                sum[r][j] += VLOAD(0, to);
#endif
                VSTORE(sum[r][j], 0, to);
            }
        }
    }
}
