/* winograd.cl - the transforms of a 3x3 convolution by Winograd's algorithm, one kernel for each; matrix products
 * (ops/gemm) do the rest. winograd_transform.cl has the formulas. */

#include "winograd_transform.cl"

/* A work-item of the kernels over tiles has one block of one of `tiles` tiles. Tile 0 is the first of image number
 * first_image. Transformed tiles are stored as [panel][point][tile][channel of the panel], in panels of `panel`
 * channels; panel divides c. A single panel of all channels is [point][tile][c]. */
static inline size_t points_of(int tiles, int panel) {
    return (size_t)tiles * panel + GAP;
}
static inline size_t tile_offset(int tile, int block, int tiles, int panel) {
    return block * VW / panel * (ALPHA * ALPHA * points_of(tiles, panel) - panel) + (size_t)tile * panel;
}

/* v[panel][point][tile][channel of the panel] = B' x B. */
kernel void winograd_input(global const stored *x, int first_image, int tiles, int h, int w, int c, int panel,
                           global float *v) {
    int i = get_global_id(0), blocks = c / VW, block = i % blocks, tile = i / blocks;
    if (tile >= tiles)
        return;
    place at = place_of(tile, h, w, HALO);
    size_t points = points_of(tiles, panel);
    x += (size_t)(first_image + at.image) * h * w * c;
    v += tile_offset(tile, block, tiles, panel);
    TRANSFORM(input_transform, TILE + 2 * HALO, ALPHA, row, column,
              LOAD_PIXEL(x, at.top + row, at.left + column, h, w, c, block), value,
              VSTORE(value, block, v + POINT(row, column) * points))
}

/* y = A' m A + bias (without bias unless has_bias is set), from m[point][tile][c]. */
kernel void winograd_output(global const float *m, int first_image, int tiles, int h, int w, int c, int has_bias,
                            global const float *bias, global stored *y) {
    int i = get_global_id(0), blocks = c / VW, block = i % blocks, tile = i / blocks;
    if (tile >= tiles)
        return;
    place at = place_of(tile, h, w, 0);
    size_t points = points_of(tiles, c);
    m += tile_offset(tile, block, tiles, c);
    y += (size_t)(first_image + at.image) * h * w * c;
    vec offset = has_bias ? VLOAD(block, bias) : (vec)0;
    TRANSFORM(output_transform, ALPHA, TILE, row, column, VLOAD(block, m + POINT(row, column) * points), value,
              STORE_PIXEL(value + offset, y, at.top + row, at.left + column, h, w, c, block))
}

/* z[panel][point][tile][channel of the panel] = A dy A'. */
kernel void winograd_gradient(global const stored *dy, int first_image, int tiles, int h, int w, int c, int panel,
                              global float *z) {
    int i = get_global_id(0), blocks = c / VW, block = i % blocks, tile = i / blocks;
    if (tile >= tiles)
        return;
    place at = place_of(tile, h, w, 0);
    size_t points = points_of(tiles, panel);
    dy += (size_t)(first_image + at.image) * h * w * c;
    z += tile_offset(tile, block, tiles, panel);
    TRANSFORM(output_transposed, TILE, ALPHA, row, column,
              LOAD_PIXEL(dy, at.top + row, at.left + column, h, w, c, block), value,
              VSTORE(value, block, z + POINT(row, column) * points))
}

/* u[point][c][o] = G w G', from weight[tap][c][o], or where `rotated` is set from weight[8 - tap][c][o], the weights
 * rotated by 180 degrees. A work-item has one block of o at one c; count is their number. */
kernel void winograd_weight(global const float *weight, int count, int rotated, global float *u) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t words = (size_t)count * VW, points = words + GAP;
    TRANSFORM(weight_transform, 3, ALPHA, row, column,
              VLOAD(block, weight + (rotated ? 8 - TAP(row, column) : TAP(row, column)) * words), value,
              VSTORE(value, block, u + POINT(row, column) * points))
}

/* The same of the weights rotated by 180 degrees with their channels swapped, w[tap][c][o] = weight[8 - tap][o][c]. A
 * work-item has VW of o at VW of c; VW divides both. */
kernel void winograd_weight_rotated(global const float *weight, int c, int o, global float *u) {
    int i = get_global_id(0), from = i % (c / VW) * VW, block = i / (c / VW);
    if (block >= o / VW)
        return;
    size_t points = (size_t)c * o + GAP;
    vec taps[9][VW];
    load_rotated(weight, c, (size_t)c * o, from, block * VW, taps);
    for (int k = 0; k < VW; k++) {
        global float *u_row = u + (size_t)(from + k) * o;
        TRANSFORM(weight_transform, 3, ALPHA, row, column, taps[TAP(row, column)][k], value,
                  VSTORE(value, block, u_row + POINT(row, column) * points))
    }
}

/* The sum of vector `block` behind p and of the same vector of each further part, part_words words apart. */
static inline vec sum_of_parts(global const float *p, int parts, size_t part_words, int block) {
    vec sum = VLOAD(block, p);
    for (int part = 1; part < parts; part++)
        sum += VLOAD(block, p + part * part_words);
    return sum;
}

/* dweight[tap][c][o] = G' du G, where du[point][c][o] is the sum of `parts` parts in their order. A work-item has one
 * block of o at one c; count is their number. */
kernel void winograd_weight_gradient(global const float *du, int count, int parts, global float *dweight) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t words = (size_t)count * VW, points = words + GAP;
    TRANSFORM(weight_transposed, ALPHA, 3, row, column,
              sum_of_parts(du + POINT(row, column) * points, parts, ALPHA * ALPHA * points, block), value,
              VSTREAM(value, block, dweight + TAP(row, column) * words))
}
