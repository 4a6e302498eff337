/* gemm.cl - the built-in matrix product for devices whose work-items have many wide registers (CPUs):
 *
 *     c[row][column] = sum over k of a[row][k] * b[k][column]  (+ c[row][column] with ACCUMULATE)
 *
 * for each matrix of a batch. A work-item computes PANEL rows x (COLUMNS * VW) columns, in register tiles of ROWS rows
 * one after the other, so that its part of b stays in the cache. Work-groups are one work-item. */

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
#define TRANSPOSE_B 0 /* b is stored as [column][k]; then VW divides depth */
#endif
#ifndef ACCUMULATE
#define ACCUMULATE 0
#endif

static inline float a_element(global const float *a, int lda, int row, int k) {
    return TRANSPOSE_A ? a[(size_t)k * lda + row] : a[(size_t)row * lda + k];
}

/* Copies a work-item's columns of a transposed b, which begin at b, to local memory in the order in which they are
 * read: packed[depth][COLUMNS]. */
static inline void pack(global const float *b, int ldb, int depth, local vec *packed) {
    for (int j = 0; j < COLUMNS; j++, b += (size_t)VW * ldb)
        for (int k = 0; k < depth; k += VW) {
            vec rows[VW];
            load_transposed(b + k, ldb, rows);
            UNROLL for (int i = 0; i < VW; i++)
                packed[(k + i) * COLUMNS + j] = rows[i];
        }
}

/* Vector j of row k of these columns. */
static inline vec b_vector(global const float *b, int ldb, local const vec *packed, int k, int j) {
    return TRANSPOSE_B ? packed[k * COLUMNS + j] : VLOAD(j, b + (size_t)k * ldb);
}

/* All in words: the offset is where the first matrix of a batch begins, the step is the distance of two matrices, ld*
 * that of two rows. n is a multiple of COLUMNS * VW. packed has memory only where b is transposed. */
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
        int rows[ROWS]; /* rows beyond the last are the last one again, and are not stored */
        UNROLL for (int r = 0; r < ROWS; r++) {
            rows[r] = min(row + r, m - 1);
            UNROLL for (int j = 0; j < COLUMNS; j++)
                sum[r][j] = 0;
        }
        for (int k = 0; k < depth; k++) {
            vec b_row[COLUMNS];
            UNROLL for (int j = 0; j < COLUMNS; j++)
                b_row[j] = b_vector(b, ldb, packed, k, j);
            UNROLL for (int r = 0; r < ROWS; r++) {
                vec value = a_element(a, lda, rows[r], k);
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    sum[r][j] = MAD(value, b_row[j], sum[r][j]);
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
