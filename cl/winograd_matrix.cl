/* winograd_matrix.cl - 3x3 convolution by Winograd's F(2x2, 3x3), whose transforms only add, with products of bfloat16
 * numbers: transformed inputs and weights are rounded. For devices on which a work-group is one work-item on a CPU
 * core. winograd_transform.cl has the formulas. */

#include "matrix.cl"
#include "winograd_transform.cl"

enum { POINTS = ALPHA * ALPHA, ROWS = TILE_SIDE * BLOCK_ROWS, NUMBERS_GAP = 32 };

/* ----------------------------------------------------------------------------------------------------- weights -- */

/* taps[tap][k] = weight[tap][from + k][o], a vector of o, for k < VW; or rotated, see load_rotated(). */
static inline void load_taps(global const float *weight, int c, int o, int rotated, int from, int column,
                             vec taps[9][VW]) {
    size_t words = (size_t)c * o;
    if (rotated) {
        load_rotated(weight, c, words, from, column, taps);
        return;
    }
    for (int tap = 0; tap < 9; tap++) UNROLL
        for (int k = 0; k < VW; k++)
            taps[tap][k] = VLOAD(0, weight + tap * words + (size_t)(from + k) * o + column);
}

/* packed[panel][point][slice][column tile] = B, the transformed weights G w G' of WIDTH outputs and a slice of 32 of
 * the c channels, 0 beyond the last. weight[tap][c][o], or rotated: weight[8 - tap][o][c]. A work-item has a slice of a
 * column tile. */
kernel void winograd_matrix_weight(global const float *weight, int c, int o, int rotated, global ushort *packed) {
    int slices = (c + TILE_DEPTH - 1) / TILE_DEPTH, i = get_global_id(0), slice = i % slices, tile = i / slices;
    if (tile >= o / TILE_SIDE)
        return;
    size_t point_words = (size_t)slices * PANEL * TILE_B;
    packed += tile / PANEL * POINTS * point_words + ((size_t)slice * PANEL + tile % PANEL) * TILE_B;
    for (int half_slice = 0; half_slice < 2; half_slice++, packed += TILE_B / 2) {
        int from = slice * TILE_DEPTH + half_slice * VW;
        vec taps[9][VW];
        if (from < c)
            load_taps(weight, c, o, rotated, from, tile * TILE_SIDE, taps);
        for (int k = 0; k < VW; k += 2) {
            ushorts low[POINTS], high[POINTS];
            TRANSFORM(weight_transform, 3, ALPHA, row, column, taps[TAP(row, column)][k], value,
                      low[POINT(row, column)] = to_bf16(value))
            TRANSFORM(weight_transform, 3, ALPHA, row, column, taps[TAP(row, column)][k + 1], value,
                      high[POINT(row, column)] = to_bf16(value))
            UNROLL for (int point = 0; point < POINTS; point++)
                ((global uint16 *)(packed + point * point_words))[k / 2] =
                    from < c ? pairs_of(low[point], high[point]) : (uint16)0;
        }
    }
}

/* ----------------------------------------------------------------------------------------------------- forward -- */

/* The numbers of a tile at a point: the slices, and a gap, so that the rows of a tile of A do not all have the same
 * place in a cache. */
static inline int row_numbers(int c) {
    return (c + TILE_DEPTH - 1) / TILE_DEPTH * TILE_DEPTH + NUMBERS_GAP;
}

/* v[point][t][c] = B' x B for `count` tiles from number `first` on. */
static inline void transform_inputs(global const stored *x, int first, int count, int h, int w, int c, global ushort *v,
                                    int points) {
    int stride = row_numbers(c);
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, HALO);
        global const stored *image = x + (size_t)at.image * h * w * c;
        global ushort *v_tile = v + t * stride;
        for (int block = 0; block < c / VW; block++)
            TRANSFORM(input_transform, TILE + 2 * HALO, ALPHA, row, column,
                      LOAD_PIXEL(image, at.top + row, at.left + column, h, w, c, block), value,
                      ((global ushorts *)(v_tile + POINT(row, column) * points))[block] = matrix_round(value))
        if (c % TILE_DEPTH)
            for (int point = 0; point < POINTS; point++)
                ((global ushorts *)(v_tile + point * points))[c / VW] = (ushorts)0;
    }
}

/* m[point][t][column] = sum over c of v[point][t][c] * u[point][c][column], for the columns of a panel. */
static inline void multiply_tiles(global const ushort *v, int v_points, int count, int c, global const ushort *u,
                                  global float *m, int m_points) {
    int slices = (c + TILE_DEPTH - 1) / TILE_DEPTH, stride = row_numbers(c);
    for (int point = 0; point < POINTS; point++, v += v_points, u += slices * PANEL * TILE_B, m += m_points)
        for (int row = 0; row < count; row += ROWS)
            for (int j = 0; j < PANEL; j += BLOCK_COLUMNS) {
                matrix_block sums;
                matrix_zero(&sums);
                matrix_multiply(&sums, v + row * stride, stride, TILE_DEPTH, u + j * TILE_B, PANEL * TILE_B, slices);
                matrix_store(&sums, m + row * WIDTH + j * TILE_SIDE, WIDTH);
            }
}

/* y = A' m A + bias (without bias unless has_bias is set) for `count` tiles from number `first` on and the channels of
 * a panel; y, bias and partial begin with the first of these. If has_partial is set, which needs images of whole tiles,
 * the tiles are a slab of partial. */
static inline void transform_outputs(global const float *m, int points, int first, int count, int h, int w, int o,
                                     int has_bias, global const float *bias, global stored *y, int has_partial,
                                     global float *partial) {
    vec mean[PANEL], squares[PANEL], offset[PANEL];
    UNROLL for (int j = 0; j < PANEL; j++) {
        mean[j] = squares[j] = 0;
        offset[j] = has_bias ? VLOAD(j, bias) : (vec)0;
    }
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        global stored *image = y + (size_t)at.image * h * w * o;
        vec values[TILE * TILE][PANEL];
        UNROLL for (int j = 0; j < PANEL; j++) {
            vec own[TILE * TILE];
            TRANSFORM(output_transform, ALPHA, TILE, row, column, VLOAD(j, m + t * WIDTH + POINT(row, column) * points),
                      value, values[row * TILE + column][j] = own[row * TILE + column] = value + offset[j])
            if (has_partial)
                join_values(own, TILE * TILE, t, &mean[j], &squares[j]);
        }
        UNROLL for (int i = 0; i < TILE * TILE; i++)
            if (INSIDE(at.top + i / TILE, at.left + i % TILE, h, w))
                store_panel(values[i], PIXEL(image, at.top + i / TILE, at.left + i % TILE, w, o));
    }
    if (has_partial) UNROLL
        for (int j = 0; j < PANEL; j++)
            store_slab(count * TILE * TILE, mean[j], squares[j], j, partial, o);
}

/* y = the convolution of x with the weights that are packed in u, plus bias. A job is `group` of `tiles` tiles, a
 * multiple of ROWS; it is a slab of partial if has_partial is set. A work-group's slot of scratch memory has
 * m[point][group][WIDTH] and v[point][group][c]. */
kernel void winograd_matrix(global int *taken, int jobs, global const stored *x, int tiles, int group, int h, int w,
                            int c, int o, global const ushort *u, int has_bias, global const float *bias,
                            global stored *y, int has_partial, global float *partial, global float *slots) {
    int v_points = group * row_numbers(c) + NUMBERS_GAP, m_points = group * WIDTH + GAP;
    size_t panel_words = (size_t)POINTS * ((c + TILE_DEPTH - 1) / TILE_DEPTH) * PANEL * TILE_B;
    global float *m = slots + (size_t)get_group_id(0) * POINTS * (m_points + v_points / 2);
    global ushort *v = (global ushort *)(m + POINTS * m_points);
    MATRIX_BEGIN
    FOR_EACH_JOB(job, taken, jobs) {
        int first = job * group, count = min(group, tiles - first);
        transform_inputs(x, first, count, h, w, c, v, v_points);
        for (int panel = 0; panel < o / WIDTH; panel++) {
            int column = panel * WIDTH;
            multiply_tiles(v, v_points, count, c, u + panel * panel_words, m, m_points);
            transform_outputs(m, m_points, first, count, h, w, o, has_bias, bias + column, y + column, has_partial,
                              SLAB(job, partial, o) + column);
        }
    }
    MATRIX_END
}
