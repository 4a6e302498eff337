/* gemm_local.cl - the matrix product of gemm.cl for devices whose work-groups share fast local memory (GPUs):
 *
 *     c[row][column] = sum over k of a[row][k] * b[k][column]  (+ c[row][column] with ACCUMULATE)
 *
 * A work-group computes TILE_ROWS x TILE_COLUMNS of c. Local memory holds the rows of a and the columns of b for DEPTH
 * steps of k, zeros beyond the borders, in two buffers: while one is multiplied, the other is loaded from global
 * memory. A work-item computes ROWS x COLUMNS vectors. Its rows come in vectors too, GROUP_ROWS vectors apart, and its
 * columns are GROUP_COLUMNS vectors apart, so that neighbouring work-items access neighbouring words. */

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

#define GROUP        (GROUP_ROWS * GROUP_COLUMNS)
#define ROW_VECTORS  (ROWS / VW)
#define TILE_ROWS    (GROUP_ROWS * ROWS)
#define TILE_COLUMNS (GROUP_COLUMNS * COLUMNS * VW)

/* Words from one k to the next in local memory, multiples of VW. The host chooses them, because it sizes the tiles by
 * them (gemm_local_stride() in src/ops/gemm/tile.c). */
#ifndef A_STRIDE
#define A_STRIDE TILE_ROWS
#endif
#ifndef B_STRIDE
#define B_STRIDE TILE_COLUMNS
#endif

/* Vectors of a step that a work-item loads. */
#define SHARE(rows) (((rows) * DEPTH / VW + GROUP - 1) / GROUP)

/* Which part of the tile a work-item computes. The 32 neighbours that a GPU runs in lockstep are 8 across and 4 down,
 * which together read the least of both tiles. */
#if GROUP_COLUMNS % 8 == 0 && GROUP_ROWS % 4 == 0
#define ITEM_X(item) ((item) % 8 + (item) / 32 % (GROUP_COLUMNS / 8) * 8)
#define ITEM_Y(item) ((item) / 8 % 4 + (item) / (4 * GROUP_COLUMNS) * 4)
#else
#define ITEM_X(item) ((item) % GROUP_COLUMNS)
#define ITEM_Y(item) ((item) / GROUP_COLUMNS)
#endif

#define LOCAL_VECTOR(p) (*(local vec *)(p))

/* The first element of vector i of rows x DEPTH. Vectors lie along the rows or along k, as in global memory. */
typedef struct {
    int row, k;
} place;
static inline place place_of(int i, int rows, bool along_rows) {
    place at;
    if (along_rows) {
        at.row = i % (rows / VW) * VW;
        at.k = i / (rows / VW);
    } else {
        at.row = i / (DEPTH / VW);
        at.k = i % (DEPTH / VW) * VW;
    }
    return at;
}

/* Loads a work-item's share of rows x DEPTH of a matrix, which begin at `from`, into registers. */
static inline void fetch(global const float *from, int stride, bool along_rows, int rows, int rows_left, int depth_left,
                         int item, vec *share) {
    UNROLL for (int j = 0; j < SHARE(rows); j++) {
        place at = place_of(item + j * GROUP, rows, along_rows);
        bool inside = at.row < min(rows, rows_left) && at.k < min(DEPTH, depth_left);
        size_t offset = along_rows ? (size_t)at.k * stride + at.row : (size_t)at.row * stride + at.k;
        share[j] = inside ? VLOAD(0, from + offset) : (vec)0;
    }
}

/* Stores that share in local memory, as to[k][row]. */
static inline void put(const vec *share, bool along_rows, int rows, int item, local float *to, int stride) {
    UNROLL for (int j = 0; j < SHARE(rows); j++) {
        place at = place_of(item + j * GROUP, rows, along_rows);
        if (at.row >= rows || at.k >= DEPTH)
            continue;
        if (along_rows) {
            LOCAL_VECTOR(to + at.k * stride + at.row) = share[j];
        } else {
            float lanes[VW];
            TO_LANES(share[j], lanes);
            UNROLL for (int lane = 0; lane < VW; lane++)
                to[(at.k + lane) * stride + at.row] = lanes[lane];
        }
    }
}

/* The shares of a and b for the steps of k from number `done` on; rows, columns and depth are those left of the
 * matrices. */
static inline void fetch_step(global const float *a, int lda, int rows, global const float *b, int ldb, int columns,
                              int depth, int done, int item, vec *a_share, vec *b_share) {
    fetch(a + (size_t)done * (TRANSPOSE_A ? lda : 1), lda, TRANSPOSE_A, TILE_ROWS, rows, depth - done, item, a_share);
    fetch(b + (size_t)done * (TRANSPOSE_B ? 1 : ldb), ldb, !TRANSPOSE_B, TILE_COLUMNS, columns, depth - done, item,
          b_share);
}
static inline void put_step(const vec *a_share, const vec *b_share, int item, local vec *a_tile, local vec *b_tile) {
    put(a_share, TRANSPOSE_A, TILE_ROWS, item, (local float *)a_tile, A_STRIDE);
    put(b_share, !TRANSPOSE_B, TILE_COLUMNS, item, (local float *)b_tile, B_STRIDE);
}

/* The arguments are those of gemm(). The sums of the `batch` matrices are computed in parts of part_depth steps of k, a
 * multiple of DEPTH, which lie part_step words apart in c. VW divides the sizes along which vectors lie, in global
 * memory and in the tiles: n, ROWS and, for matrices stored along k, depth and DEPTH. */
kernel __attribute__((reqd_work_group_size(GROUP_COLUMNS, GROUP_ROWS, 1))) void
gemm_local(int m, int n, int depth, global const float *a, int a_offset, int lda, int a_step, global const float *b,
           int b_offset, int ldb, int b_step, global float *c, int c_offset, int ldc, int c_step, int batch,
           int part_depth, int part_step) {
    local vec a_tiles[2][DEPTH * A_STRIDE / VW], b_tiles[2][DEPTH * B_STRIDE / VW];
    int item = get_local_id(1) * GROUP_COLUMNS + get_local_id(0), x = ITEM_X(item), y = ITEM_Y(item);
    int first_column = get_group_id(0) * TILE_COLUMNS, first_row = get_group_id(1) * TILE_ROWS;
    size_t matrix = get_global_id(2) % batch, part = get_global_id(2) / batch, skipped = part * part_depth;
    depth = min(depth - (int)skipped, part_depth);
    a += a_offset + matrix * a_step + (TRANSPOSE_A ? skipped * lda + first_row : (size_t)first_row * lda + skipped);
    b += b_offset + matrix * b_step +
         (TRANSPOSE_B ? (size_t)first_column * ldb + skipped : skipped * ldb + first_column);
    c += c_offset + matrix * c_step + part * part_step;
    vec a_share[SHARE(TILE_ROWS)], b_share[SHARE(TILE_COLUMNS)];
    vec sum[ROWS][COLUMNS];
    UNROLL for (int r = 0; r < ROWS; r++) {
        UNROLL for (int j = 0; j < COLUMNS; j++)
            sum[r][j] = 0;
    }
    fetch_step(a, lda, m - first_row, b, ldb, n - first_column, depth, 0, item, a_share, b_share);
    put_step(a_share, b_share, item, a_tiles[0], b_tiles[0]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int done = 0, buffer = 0; done < depth; done += DEPTH, buffer ^= 1) {
        bool more = done + DEPTH < depth;
        if (more)
            fetch_step(a, lda, m - first_row, b, ldb, n - first_column, depth, done + DEPTH, item, a_share, b_share);
        local const vec *a_tile = a_tiles[buffer] + y, *b_tile = b_tiles[buffer] + x;
        for (int k = 0; k < DEPTH; k++, a_tile += A_STRIDE / VW, b_tile += B_STRIDE / VW) {
            float a_column[ROWS];
            vec b_row[COLUMNS];
            UNROLL for (int r = 0; r < ROW_VECTORS; r++)
                TO_LANES(a_tile[r * GROUP_ROWS], a_column + r * VW);
            UNROLL for (int j = 0; j < COLUMNS; j++)
                b_row[j] = b_tile[j * GROUP_COLUMNS];
            UNROLL for (int r = 0; r < ROWS; r++) {
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    sum[r][j] = MAD((vec)a_column[r], b_row[j], sum[r][j]);
            }
        }
        if (more)
            put_step(a_share, b_share, item, a_tiles[buffer ^ 1], b_tiles[buffer ^ 1]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL for (int r = 0; r < ROWS; r++) {
        int row = first_row + (r / VW * GROUP_ROWS + y) * VW + r % VW;
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

/* c[matrix][row][column] = the sum over parts of partial[part][matrix][row][column] (+ c with ACCUMULATE). */
kernel void sum_parts(global const float *partial, int parts, int m, int n, int batch, global float *c, int c_offset,
                      int ldc, int c_step) {
    int i = get_global_id(0), column = i % (n / VW), row = i / (n / VW) % m, matrix = i / (n / VW) / m;
    if (matrix >= batch)
        return;
    c += c_offset + (size_t)matrix * c_step + (size_t)row * ldc;
    vec sum = VLOAD(i, partial);
    for (int part = 1; part < parts; part++)
        sum += VLOAD(i, partial + (size_t)part * batch * m * n);
#if ACCUMULATE
    sum += VLOAD(column, c);
#endif
    VSTORE(sum, column, c);
}
