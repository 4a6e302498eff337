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
    UNROLL for (int column = 0; column < IN; column++) {                                                    \
        vec in[IN], out[OUT];                                                                                          \
        UNROLL for (int row = 0; row < IN; row++) in[row] = LOAD(row, column);                              \
        f(in, out);                                                                                                    \
        UNROLL for (int row = 0; row < OUT; row++) half_done[row][column] = out[row];                       \
    }                                                                                                                  \
    UNROLL for (int row = 0; row < OUT; row++) {                                                            \
        vec out[OUT];                                                                                                  \
        f(half_done[row], out);                                                                                        \
        UNROLL for (int column = 0; column < OUT; column++) STORE(row, column, out[column]);                \
    }

/* Pixel (top + row, left + column) of the image at `image_start`, c channels wide. Beyond the image is 0: by a mask,
 * of the nearest pixel, because branches would keep a CPU from loading a tile's pixels all at once. */
#define INSIDE(row, column) (top + row >= 0 && top + row < h && left + column >= 0 && left + column < w)
#define PIXEL(row, column) (image_start + ((size_t)(row) * w + (column)) * c)
#define LOAD_PIXEL(row, column)                                                                                        \
    masked(ALOAD(block, PIXEL(clamp(top + row, 0, h - 1), clamp(left + column, 0, w - 1))), INSIDE(row, column))
#define STORE_PIXEL(row, column, value)                                                                                \
    if (INSIDE(row, column))                                                                                           \
    ASTORE((value) + offset, block, PIXEL(top + row, left + column))

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
kernel void winograd_input(global const stored *x, int first_image, int tiles, int h, int w, int c, global float *v) {
    LOCATE_TILE(1);
    global const stored *image_start = x + image_offset;
    global float *tile_start = v + tile_offset;
    TRANSFORM(input_transform, ALPHA, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* y = A' m A + bias (where has_bias is set), from m[point][tile][c]. */
kernel void winograd_output(global const float *m, int first_image, int tiles, int h, int w, int c, int has_bias,
                            global const float *bias, global stored *y) {
    LOCATE_TILE(0);
    global const float *tile_start = m + tile_offset;
    global stored *image_start = y + image_offset;
    vec offset = has_bias ? VLOAD(block, bias) : (vec)0;
    TRANSFORM(output_transform, ALPHA, TILE, LOAD_POINT, STORE_PIXEL)
}

/* z[point][tile][c] = A dy A'. */
kernel void winograd_gradient(global const stored *dy, int first_image, int tiles, int h, int w, int c,
                              global float *z) {
    LOCATE_TILE(0);
    global const stored *image_start = dy + image_offset;
    global float *tile_start = z + tile_offset;
    TRANSFORM(output_transposed, TILE, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* Transformed weights lie in strips of their outputs, u[strip][point][c][columns of the strip]: each is made just before
 * it is multiplied by, and what a product reads at a time lies together. A strip's `columns` are those from number `first`
 * on. */
#define STRIP(u) (u + (size_t)first * ALPHA * ALPHA * c)

/* A strip of u = G w G', from weight[tap][c][o]. A work-item is one block of the strip's columns at one c. */
kernel void winograd_weight(global const float *weight, int c, int o, int first, int columns, global float *u) {
    int i = get_global_id(0), block = i % (columns / VW), from = i / (columns / VW);
    if (from >= c)
        return;
    size_t points = (size_t)c * columns;
    global float *tile_start = STRIP(u) + (size_t)from * columns;
#define LOAD_TAP(row, column) VLOAD(block, weight + ((size_t)(row * 3 + column) * c + from) * o + first)
    TRANSFORM(weight_transform, 3, ALPHA, LOAD_TAP, STORE_POINT)
}

/* The same of the weights turned by 180 degrees with their channels swapped, w[tap][c][o] = weight[8 - tap][o][c]. A
 * work-item is VW of the strip's columns at VW of c, which VW divides: what lies along c goes through private memory to
 * lie along o. */
kernel void winograd_weight_rotated(global const float *weight, int c, int o, int first, int columns, global float *u) {
    int i = get_global_id(0), from = i % (c / VW), block = i / (c / VW);
    if (block >= columns / VW)
        return;
    size_t points = (size_t)c * columns;
    float taps[9][VW * VW]; /* [tap][o][c] */
    for (int tap = 0; tap < 9; tap++)
        for (int lane = 0; lane < VW; lane++)
            TO_LANES(VLOAD(from, weight + ((size_t)(8 - tap) * o + first + block * VW + lane) * c),
                     taps[tap] + lane * VW);
    for (int k = 0; k < VW; k++) {
        global float *tile_start = STRIP(u) + (size_t)(from * VW + k) * columns;
#define LOAD_ROTATED(row, column) column_of(taps[row * 3 + column] + k)
        TRANSFORM(weight_transform, 3, ALPHA, LOAD_ROTATED, STORE_POINT)
    }
}

/* The sum of vector `block` behind p and what lies part_words behind it for each further part. */
inline vec sum_of_parts(global const float *p, int parts, size_t part_words, int block) {
    vec sum = VLOAD(block, p);
    for (int part = 1; part < parts; part++)
        sum += VLOAD(block, p + part * part_words);
    return sum;
}

/* dweight[tap][c][o] = G' du G, du[point][c][o] being the sum of so many parts in their order. */
kernel void winograd_weight_gradient(global const float *du, int count, int parts, global float *dweight) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t points = (size_t)count * VW;
#define LOAD_SUM(row, column)                                                                                          \
    sum_of_parts(du + (row * ALPHA + column) * points, parts, ALPHA * ALPHA * points, block)
#define STORE_TAP(row, column, value) VSTORE(value, block, dweight + (row * 3 + column) * points)
    TRANSFORM(weight_transposed, ALPHA, 3, LOAD_SUM, STORE_TAP)
}

/* ---------------------------------------------------------------------------------------------- all in one pass --
 * For devices whose work-items have a large fast local memory, which is a part of the cache on CPUs: what is transformed
 * never leaves it. A work-group is one work-item, which takes a group of tiles at a time: v and m or z are
 * [point][tile of the group][channel]. */

#ifndef ROWS
#define ROWS 6 /* of a register tile of the products */
#endif
#ifndef COLUMNS
#define COLUMNS 4 /* vectors of a register tile */
#endif

#define LOCAL_LOAD(i, p) (((local const vec *)(p))[i])
#define LOCAL_STORE(v, i, p) (((local vec *)(p))[i] = (v))
#define LOAD_LOCAL_POINT(row, column) LOCAL_LOAD(block, tile_start + (row * ALPHA + column) * points)
#define STORE_LOCAL_POINT(row, column, value) LOCAL_STORE(value, block, tile_start + (row * ALPHA + column) * points)

/* The pixel at which tile number `tile` of images h x w begins, less `halo`. */
typedef struct {
    int image, top, left;
} place;
inline place place_of(int tile, int h, int w, int halo) {
    int tiles_h = (h + TILE - 1) / TILE, tiles_w = (w + TILE - 1) / TILE;
    place p = {tile / (tiles_w * tiles_h), tile / tiles_w % tiles_h * TILE - halo, tile % tiles_w * TILE - halo};
    return p;
}

/* v[point][t][c] = B' x B of `count` tiles from number `first` on, `group` tiles lying between two points. */
inline void transform_inputs(global const stored *x, int first, int count, int group, int h, int w, int c,
                             local float *v) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 1);
        int top = at.top, left = at.left, points = group * c;
        global const stored *image_start = x + (size_t)at.image * h * w * c;
        local float *tile_start = v + t * c;
        for (int block = 0; block < c / VW; block++) {
            TRANSFORM(input_transform, ALPHA, ALPHA, LOAD_PIXEL, STORE_LOCAL_POINT)
        }
    }
}

/* m[point][t][column] = sum over c of v[point][t][c] * u[point][c][column], COLUMNS vectors of columns. */
inline void multiply_points(local const float *v, int count, int group, int c, global const float *u, int o,
                            local float *m) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += group * c, u += (size_t)c * o, m += group * COLUMNS * VW) {
        for (int row = 0; row < count; row += ROWS) {
            vec sum[ROWS][COLUMNS];
            local const float *line[ROWS]; /* those beyond the last are computed again and not stored */
            UNROLL for (int r = 0; r < ROWS; r++) {
                line[r] = v + min(row + r, count - 1) * c;
                UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = 0;
            }
            for (int k = 0; k < c; k++) {
                vec b_row[COLUMNS];
                UNROLL for (int j = 0; j < COLUMNS; j++) b_row[j] = VLOAD(j, u + (size_t)k * o);
                UNROLL for (int r = 0; r < ROWS; r++) {
                    vec value = line[r][k];
                    UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = MAD(value, b_row[j], sum[r][j]);
                }
            }
            UNROLL for (int r = 0; r < ROWS; r++) {
                if (row + r >= count)
                    break;
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    LOCAL_STORE(sum[r][j], j, m + (row + r) * COLUMNS * VW);
            }
        }
    }
}

/* y = A' m A + bias (where has_bias is set) of COLUMNS vectors of o channels; y and bias begin with the first of them. */
inline void transform_outputs(local const float *m, int first, int count, int group, int h, int w, int o, int has_bias,
                              global const float *bias, global stored *y) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        int top = at.top, left = at.left, c = o, points = group * COLUMNS * VW;
        global stored *image_start = y + (size_t)at.image * h * w * o;
        local const float *tile_start = m + t * COLUMNS * VW;
        for (int block = 0; block < COLUMNS; block++) {
            vec offset = has_bias ? VLOAD(block, bias) : (vec)0;
            TRANSFORM(output_transform, ALPHA, TILE, LOAD_LOCAL_POINT, STORE_PIXEL)
        }
    }
}

/* y = the convolution of x by the weights whose transform is u[point][c][o], plus bias. A work-group makes `group` of
 * `tiles` tiles, COLUMNS vectors of channels at a time. v: ALPHA^2 * group * c words, m: ALPHA^2 * group * COLUMNS
 * vectors. */
kernel void winograd_fused(global const stored *x, int tiles, int group, int h, int w, int c, int o,
                           global const float *u, int has_bias, global const float *bias, global stored *y,
                           local vec *v, local vec *m) {
    int first = get_group_id(0) * group, count = min(group, tiles - first);
    transform_inputs(x, first, count, group, h, w, c, (local float *)v);
    for (int column = 0; column < o; column += COLUMNS * VW) {
        multiply_points((local const float *)v, count, group, c, u + column, o, (local float *)m);
        transform_outputs((local const float *)m, first, count, group, h, w, o, has_bias, bias + column, y + column);
    }
}

/* z[point][t][o] = A dy A', as in transform_inputs(). */
inline void transform_gradients(global const stored *dy, int first, int count, int group, int h, int w, int o,
                                local float *z) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        int top = at.top, left = at.left, c = o, points = group * o;
        global const stored *image_start = dy + (size_t)at.image * h * w * o;
        local float *tile_start = z + t * o;
        for (int block = 0; block < o / VW; block++) {
            TRANSFORM(output_transposed, TILE, ALPHA, LOAD_PIXEL, STORE_LOCAL_POINT)
        }
    }
}

/* du[point][c][o] = or, where add is set, += sum over t of v[point][t][c] * z[point][t][o]. ROWS divides c. */
inline void multiply_transposed(local const float *v, local const float *z, int count, int group, int c, int o, int add,
                                global float *du) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += group * c, z += group * o, du += (size_t)c * o) {
        for (int column = 0; column < o; column += COLUMNS * VW) {
            for (int row = 0; row < c; row += ROWS) {
                global float *to = du + (size_t)row * o + column;
                vec sum[ROWS][COLUMNS];
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] =
                        add ? VLOAD(j, to + (size_t)r * o) : (vec)0;
                for (int t = 0; t < count; t++) {
                    vec b_row[COLUMNS];
                    UNROLL for (int j = 0; j < COLUMNS; j++) b_row[j] = LOCAL_LOAD(j, z + t * o + column);
                    UNROLL for (int r = 0; r < ROWS; r++) {
                        vec value = v[t * c + row + r];
                        UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = MAD(value, b_row[j], sum[r][j]);
                    }
                }
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++) VSTORE(sum[r][j], j, to + (size_t)r * o);
            }
        }
    }
}

/* du[slab][point][c][o] = sum over the slab's tiles of (B' x B) * (A dy A'); a work-group does a slab of slab_tiles, a
 * group of tiles at a time. v and z: ALPHA^2 * group * c and o words. */
kernel void winograd_fused_gradient(global const stored *x, global const stored *dy, int tiles, int slab_tiles, int group,
                                    int h, int w, int c, int o, global float *du, local vec *v, local vec *z) {
    int slab = get_group_id(0), start = slab * slab_tiles, end = min(start + slab_tiles, tiles);
    du += (size_t)slab * ALPHA * ALPHA * c * o;
    for (int first = start; first < end; first += group) {
        int count = min(group, end - first);
        transform_inputs(x, first, count, group, h, w, c, (local float *)v);
        transform_gradients(dy, first, count, group, h, w, o, (local float *)z);
        multiply_transposed((local const float *)v, (local const float *)z, count, group, c, o, first > start, du);
    }
}
