/* gemm.cl - the project's own matrix product, for devices whose work-items have many wide registers (CPUs):
 *
 *     c[row][column] = sum over k of a[row][k] * b[k][column]  (+ c[row][column] where ACCUMULATE)
 *
 * for each of a batch of matrices. A work-item makes PANEL rows x (COLUMNS * VW) columns, a register tile of ROWS rows
 * after the other, so that its part of b stays in the cache; no local memory, work-groups of one. */

#ifndef ROWS
#define ROWS 8 /* of the register tile */
#endif
#ifndef COLUMNS
#define COLUMNS 2 /* vectors of the register tile; ROWS * COLUMNS vectors are accumulated */
#endif
#ifndef PANEL
#define PANEL 64 /* rows of a work-item, a multiple of ROWS */
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0 /* a is stored as [k][row] */
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0 /* b is stored as [column][k]; VW divides depth then */
#endif
#ifndef ACCUMULATE
#define ACCUMULATE 0
#endif

#if TRANSPOSE_A
#define A(row, at) a[(size_t)(at) * lda + (row)]
#else
#define A(row, at) a[(size_t)(row) * lda + (at)]
#endif

/* Vector j of row k of a work-item's columns of b, which begin at b. Those of a transposed b are packed before: copied to
 * local memory, where they lie in the order in which they are read. */
#if TRANSPOSE_B
#define B(k, j) packed[(k) * COLUMNS + (j)]
static inline void pack(global const float *b, int ldb, int depth, local vec *packed) {
    for (int j = 0; j < COLUMNS; j++, b += (size_t)VW * ldb)
        for (int k = 0; k < depth; k += VW) {
            vec rows[VW];
            load_transposed(b + k, ldb, rows);
            UNROLL for (int i = 0; i < VW; i++) B(k + i, j) = rows[i];
        }
}
#else
#define B(k, j) VLOAD(j, b + (size_t)(k) * ldb)
#endif

/* The offset is where a batch's first matrix begins, the step lies between two matrices, ld* between two rows, all in
 * words. n is a multiple of COLUMNS * VW. packed: [depth][COLUMNS] where b is transposed. */
kernel void gemm(int m, int n, int depth, global const float *a, int a_offset, int lda, int a_step,
                 global const float *b, int b_offset, int ldb, int b_step, global float *c, int c_offset, int ldc,
                 int c_step, local vec *packed) {
    int first_column = get_global_id(0) * COLUMNS * VW, first_row = get_global_id(1) * PANEL;
    size_t matrix = get_global_id(2);
    a += a_offset + matrix * a_step;
    b += b_offset + matrix * b_step + (size_t)first_column * (TRANSPOSE_B ? ldb : 1);
    c += c_offset + matrix * c_step + first_column;
    int last_row = min(first_row + PANEL, m);
#if TRANSPOSE_B
    pack(b, ldb, depth, packed);
#endif
    for (int row = first_row; row < last_row; row += ROWS) {
        vec sum[ROWS][COLUMNS];
        int rows[ROWS]; /* those beyond the last are computed again and not stored */
        UNROLL for (int r = 0; r < ROWS; r++) {
            rows[r] = min(row + r, m - 1);
            UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = 0;
        }
        for (int k = 0; k < depth; k++) {
            vec b_row[COLUMNS];
            UNROLL for (int j = 0; j < COLUMNS; j++) b_row[j] = B(k, j);
            UNROLL for (int r = 0; r < ROWS; r++) {
                vec value = A(rows[r], k);
                UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = MAD(value, b_row[j], sum[r][j]);
            }
        }
        UNROLL for (int r = 0; r < ROWS; r++) {
            if (row + r >= m)
                break;
            global float *to = c + (size_t)(row + r) * ldc;
            UNROLL for (int j = 0; j < COLUMNS; j++) {
#if ACCUMULATE
                sum[r][j] += VLOAD(j, to);
#endif
                VSTORE(sum[r][j], j, to);
            }
        }
    }
}
