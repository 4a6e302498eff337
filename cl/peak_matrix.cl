/* peak_matrix.cl - measures the peak of a device's matrix instructions. */

#include "matrix.cl"
#include "matrix_lanes.cl"

/* As in ops/peak_matrix.c. The rows of A are `DEPTH + GAP` numbers apart, so that they do not all have the same place
 * in a cache. */
enum {
    STEPS = 4,
    DEPTH = STEPS * TILE_DEPTH,
    GAP = 32,
    ROWS = TILE_SIDE * BLOCK_ROWS,
    COLUMNS = TILE_SIDE * BLOCK_COLUMNS
};

/* sums[group] = `rounds` times the product of A, ROWS x DEPTH, and B, DEPTH x COLUMNS, which stay in the cache:
 * operands has A [row][DEPTH + GAP], then B as tiles [step][column tile]. Each work-group has a block of sums. */
MATRIX_KERNEL void matrix_products(global const number *operands, int rounds, global float *sums) {
    MATRIX_BEGIN
    matrix_block block;
    matrix_zero(&block);
    for (int round = 0; round < rounds; round++)
        matrix_multiply(&block, operands, DEPTH + GAP, TILE_DEPTH, operands + ROWS * (DEPTH + GAP),
                        BLOCK_COLUMNS * TILE_B, STEPS);
    matrix_store(&block, sums + (size_t)get_group_id(0) * ROWS * COLUMNS, COLUMNS);
    MATRIX_END
}
