/* gemm_matrix.cl - products of matrices of floats by a device's matrix instructions: both operands are rounded
 * to the instructions' numbers and packed as tiles, with zeros beyond their borders. */

#include "matrix.cl"
#include "matrix_lanes.cl"

/* `left` numbers from `from` on, at most 16, as a vector; 0 beyond them. */
static inline vec load_left(global const float *from, int left) {
    float line[TILE_SIDE];
    if (left >= TILE_SIDE)
        return vload16(0, from);
    for (int i = 0; i < TILE_SIDE; i++)
        line[i] = i < left ? from[i] : 0;
    return vload16(0, line);
}

/* packed = the tiles of an operand that has `count` rows of A, or columns of B, of `depth` numbers. Number k of the
 * i-th is from[i * stride + k], or, if `transposed` is set, from[k * stride + i]. Tiles of A, if `rows` is set, are
 * rows `row_numbers` apart, the steps of 32 side by side; tiles of B are [panel][step][tile of the panel]. A work-item
 * has a tile. */
kernel void matrix_pack(global const float *from, int offset, int stride, int transposed, int count, int depth,
                        int tiles, int rows, int row_numbers, int panel, global number *packed, int packed_offset) {
    int steps = (depth + TILE_DEPTH - 1) / TILE_DEPTH, step = get_global_id(0) % steps, k = step * TILE_DEPTH;
    int tile = get_global_id(0) / steps, i = tile * TILE_SIDE;
    uint16 lines[TILE_LINES];
    if (tile >= tiles)
        return;
    from += offset;
    for (int line = 0; transposed && line < TILE_LINES; line++) { /* word `line` of all 16 */
        int low = k + PACK * line;
        global const float *at = from + (size_t)low * stride + i;
        lines[line] = LINE_OF(TO_NUMBERS(load_left(at, low < depth ? count - i : 0)),
                              TO_NUMBERS(load_left(at + stride, low + 1 < depth ? count - i : 0)));
    }
    for (int line = 0; !transposed && line < TILE_SIDE; line++) { /* all words of one of the 16 */
        global const float *at = from + (size_t)(i + line) * stride + k;
        int left = i + line < count ? depth - k : 0;
        put_column(lines, line, load_left(at, left), load_left(at + TILE_SIDE, left - TILE_SIDE));
    }
    if (transposed == rows)
        transpose_tile(lines);
    size_t place =
        rows ? (size_t)i * row_numbers + k : (((size_t)(tile / panel) * steps + step) * panel + tile % panel) * TILE_B;
    packed += packed_offset + place;
    for (int line = 0; line < TILE_LINES; line++)
        *(global uint16 *)(packed + (rows ? line % TILE_SIDE * row_numbers + line / TILE_SIDE * LINE_NUMBERS
                                          : line * LINE_NUMBERS)) = lines[line];
}

/* c = a b, or c += a b if `add` is set, for packed a and b of whole blocks. A work-group computes a block. */
MATRIX_KERNEL void matrix_product(global const number *packed, int b_offset, int row_blocks, int steps, int row_numbers,
                                  int add, global float *c, int offset, int stride) {
    enum { ROWS = TILE_SIDE * BLOCK_ROWS, COLUMNS = TILE_SIDE * BLOCK_COLUMNS, B_STEP = BLOCK_COLUMNS * TILE_B };
    int row = get_group_id(0) % row_blocks * ROWS, column = get_group_id(0) / row_blocks;
    matrix_block sums;
    c += offset + (size_t)row * stride + column * COLUMNS;
    MATRIX_BEGIN
    if (add)
        matrix_load(&sums, c, stride);
    else
        matrix_zero(&sums);
    matrix_multiply(&sums, packed + (size_t)row * row_numbers, row_numbers, TILE_DEPTH,
                    packed + b_offset + (size_t)column * steps * B_STEP, B_STEP, steps);
    matrix_store(&sums, c, stride);
    MATRIX_END
}

/* The first m rows and n columns of sums: c = or += sums. A work-item has an element. */
kernel void matrix_crop(global const float *sums, int sums_offset, int sums_stride, int m, int n, int add,
                        global float *c, int offset, int stride) {
    int i = get_global_id(0), row = i / n, column = i % n;
    if (row >= m)
        return;
    c += offset + (size_t)row * stride + column;
    *c = sums[sums_offset + (size_t)row * sums_stride + column] + (add ? *c : 0);
}
