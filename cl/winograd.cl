/* winograd.cl - 3x3 convolution by Winograd's minimal filtering F(TILE x TILE, 3x3) (Lavin and Gray 2016).
 *
 *     y = A' [ (G w G') * (B' x B) ] A         one ALPHA x ALPHA input tile gives TILE x TILE outputs
 *     dw = G' [ (B' x B) * (A dy A') ] G       summed over all tiles: the same products, transposed
 *
 * The products at each of the ALPHA^2 points, summed over channels or over tiles, are matrix products, done elsewhere
 * (gemm.cl). A transformed array is [point][tile or channel][channel]. Tiles are numbered as pixels are: tile columns
 * running fastest, then tile rows, then images. An image whose sides are no multiple of TILE is padded with zeros. */

#ifndef TILE
#define TILE 4 /* outputs of a tile along each side: 2 or 4 */
#endif
#define ALPHA (TILE + 2)

#if TILE == 2

inline void input_transform(const vec *d, vec *o) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
}

inline void output_transform(const vec *d, vec *o) {
    o[0] = d[0] + d[1] + d[2];
    o[1] = d[1] - d[2] - d[3];
}

inline void weight_transform(const vec *g, vec *o) {
    vec even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    o[0] = g[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = g[2];
}

inline void output_transposed(const vec *y, vec *o) {
    o[0] = y[0];
    o[1] = y[0] + y[1];
    o[2] = y[0] - y[1];
    o[3] = -y[1];
}

inline void weight_transposed(const vec *d, vec *o) {
    vec sum = 0.5f * (d[1] + d[2]);
    o[0] = d[0] + sum;
    o[1] = 0.5f * (d[1] - d[2]);
    o[2] = sum + d[3];
}

#else

inline void input_transform(const vec *d, vec *o) {
    vec even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    vec even2 = d[4] - d[2], odd2 = 2 * (d[3] - d[1]);
    o[0] = 4 * d[0] - 5 * d[2] + d[4];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = 4 * d[1] - 5 * d[3] + d[5];
}

inline void output_transform(const vec *d, vec *o) {
    vec sum = d[1] + d[2], difference = d[1] - d[2], sum2 = d[3] + d[4], difference2 = d[3] - d[4];
    o[0] = d[0] + sum + sum2;
    o[1] = difference + 2 * difference2;
    o[2] = sum + 4 * sum2;
    o[3] = difference + 8 * difference2 + d[5];
}

inline void weight_transform(const vec *g, vec *o) {
    vec even = (g[0] + g[2]) * (-1.0f / 6), odd = g[1] * (-1.0f / 6);
    vec even2 = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), odd2 = g[1] * (1.0f / 12);
    o[0] = g[0] * 0.25f;
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = g[2];
}

inline void output_transposed(const vec *y, vec *o) {
    vec even = y[0] + y[2], odd = y[1] + y[3], even2 = y[0] + 4 * y[2], odd2 = 2 * y[1] + 8 * y[3];
    o[0] = y[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = y[3];
}

inline void weight_transposed(const vec *d, vec *o) {
    vec sum = (d[1] + d[2]) * (1.0f / 6), sum2 = d[3] + d[4];
    o[0] = d[0] * 0.25f - sum + sum2 * (1.0f / 24);
    o[1] = (d[2] - d[1]) * (1.0f / 6) + (d[3] - d[4]) * (1.0f / 12);
    o[2] = sum2 * (1.0f / 6) - sum + d[5];
}

#endif

/* IN x IN values, transformed along both sides by the 1-D transform f: LOAD(row, column) gives one of the IN x IN,
 * STORE(row, column, value) takes one of the OUT x OUT. */
#define TRANSFORM(f, IN, OUT, LOAD, STORE)                                                                             \
    vec half_done[OUT][IN];                                                                                            \
    _Pragma("unroll") for (int column = 0; column < IN; column++) {                                                    \
        vec in[IN], out[OUT];                                                                                          \
        _Pragma("unroll") for (int row = 0; row < IN; row++) in[row] = LOAD(row, column);                              \
        f(in, out);                                                                                                    \
        _Pragma("unroll") for (int row = 0; row < OUT; row++) half_done[row][column] = out[row];                       \
    }                                                                                                                  \
    _Pragma("unroll") for (int row = 0; row < OUT; row++) {                                                            \
        vec out[OUT];                                                                                                  \
        f(half_done[row], out);                                                                                        \
        _Pragma("unroll") for (int column = 0; column < OUT; column++) STORE(row, column, out[column]);                \
    }

/* Pixel (top + row, left + column) of the image at `image_start`, c channels wide. Beyond the image is 0: by a mask,
 * of the nearest pixel, because branches would keep a CPU from loading a tile's pixels all at once. */
#define INSIDE(row, column) (top + row >= 0 && top + row < h && left + column >= 0 && left + column < w)
#define PIXEL(row, column) (image_start + ((size_t)(row) * w + (column)) * c)
#define LOAD_PIXEL(row, column)                                                                                        \
    masked(VLOAD(block, PIXEL(clamp(top + row, 0, h - 1), clamp(left + column, 0, w - 1))), INSIDE(row, column))
#define STORE_PIXEL(row, column, value)                                                                                \
    if (INSIDE(row, column))                                                                                           \
    VSTORE((value) + offset, block, PIXEL(top + row, left + column))

inline vec masked(vec value, int keep) {
    return AS_VEC(AS_IVEC(value) & (ivec)-keep);
}

/* Point (row, column) of the transformed tile at `tile_start`; `points` words lie between two points. */
#define LOAD_POINT(row, column) VLOAD(block, tile_start + (size_t)(row * ALPHA + column) * points)
#define STORE_POINT(row, column, value) VSTORE(value, block, tile_start + (size_t)(row * ALPHA + column) * points)

/* What the kernels over tiles have in common: a work-item is one block of one of `tiles` tiles, the first of which is
 * the first of image first_image; `halo` is how far a tile begins before its outputs. */
#define LOCATE_TILE(halo)                                                                                              \
    int i = get_global_id(0), blocks = c / VW, block = i % blocks, tile = i / blocks;                                  \
    int tiles_h = (h + TILE - 1) / TILE, tiles_w = (w + TILE - 1) / TILE;                                              \
    if (tile >= tiles)                                                                                                 \
        return;                                                                                                        \
    int left = tile % tiles_w * TILE - halo, top = tile / tiles_w % tiles_h * TILE - halo;                             \
    size_t image_offset = (size_t)(first_image + tile / (tiles_w * tiles_h)) * h * w * c;                              \
    size_t tile_offset = (size_t)tile * c, points = (size_t)tiles * c

/* v[point][tile][c] = B' x B. */
kernel void winograd_input(global const float *x, int first_image, int tiles, int h, int w, int c, global float *v) {
    LOCATE_TILE(1);
    global const float *image_start = x + image_offset;
    global float *tile_start = v + tile_offset;
    TRANSFORM(input_transform, ALPHA, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* y = A' m A + bias (where has_bias is set), from m[point][tile][c]. */
kernel void winograd_output(global const float *m, int first_image, int tiles, int h, int w, int c, int has_bias,
                            global const float *bias, global float *y) {
    LOCATE_TILE(0);
    global const float *tile_start = m + tile_offset;
    global float *image_start = y + image_offset;
    vec offset = has_bias ? VLOAD(block, bias) : (vec)0;
    TRANSFORM(output_transform, ALPHA, TILE, LOAD_POINT, STORE_PIXEL)
}

/* z[point][tile][c] = A dy A'. */
kernel void winograd_gradient(global const float *dy, int first_image, int tiles, int h, int w, int c,
                              global float *z) {
    LOCATE_TILE(0);
    global const float *image_start = dy + image_offset;
    global float *tile_start = z + tile_offset;
    TRANSFORM(output_transposed, TILE, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* u[point][c][o] = G w G', from weight[tap][c][o]. A work-item is one block of `count` = c * o / VW. */
kernel void winograd_weight(global const float *weight, int count, global float *u) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t points = (size_t)count * VW;
    global float *tile_start = u;
#define LOAD_TAP(row, column) VLOAD(block, weight + (row * 3 + column) * points)
    TRANSFORM(weight_transform, 3, ALPHA, LOAD_TAP, STORE_POINT)
}

/* The same of the weights turned by 180 degrees with their channels swapped: u[point][c][o] = G w G' of
 * w[tap][c][o] = weight[8 - tap][o][c]. A work-item is one block of o at one c, c running fastest: its neighbours read
 * the same cache lines. */
kernel void winograd_weight_rotated(global const float *weight, int c, int o, global float *u) {
    int i = get_global_id(0), from = i % c, block = i / c;
    if (block >= o / VW)
        return;
    size_t points = (size_t)c * o;
    global float *tile_start = u + (size_t)from * o;
    float taps[9][VW];
    for (int tap = 0; tap < 9; tap++)
        for (int lane = 0; lane < VW; lane++)
            taps[tap][lane] = weight[((size_t)(8 - tap) * o + block * VW + lane) * c + from];
#define LOAD_ROTATED(row, column) OF_LANES(taps[row * 3 + column])
    TRANSFORM(weight_transform, 3, ALPHA, LOAD_ROTATED, STORE_POINT)
}

/* dweight[tap][c][o] = G' du G, from du[point][c][o]. */
kernel void winograd_weight_gradient(global const float *du, int count, global float *dweight) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t points = (size_t)count * VW;
    global const float *tile_start = du;
#define STORE_TAP(row, column, value) VSTORE(value, block, dweight + (row * 3 + column) * points)
    TRANSFORM(weight_transposed, ALPHA, 3, LOAD_POINT, STORE_TAP)
}
