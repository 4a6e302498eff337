/* winograd.cl - 3x3 convolution by Winograd's minimal filtering F(TILE x TILE, 3x3) (Lavin and Gray 2016).
 *
 *     y = A' [ (G w G') * (B' x B) ] A         one ALPHA x ALPHA input tile gives TILE x TILE outputs
 *     dw = G' [ (B' x B) * (A dy A') ] G       summed over all tiles: the same products, transposed
 *
 * The products at each of the ALPHA^2 points, summed over channels or over tiles, are matrix products, done elsewhere
 * (gemm.cl) or by the kernels that hold what is transformed in local memory. A transformed array has a matrix for each
 * point, GAP words between two. Tiles are numbered as pixels are: tile columns running fastest, then tile rows, then
 * images. An image whose sides are no multiple of TILE is padded with zeros. */

#ifndef ALPHA
#define ALPHA 6 /* points along each side of a transformed tile: 6 and 4 for TILE 4 and 2; 3 for images of 2 x 2 alone */
#endif
#ifndef GAP
#define GAP 32 /* a multiple of VW */
#endif

#if ALPHA == 3

/* The tile is all of the image, so that its HALO is 0 and need not be read: what is left of a row is [w1 w2; w0 w1]
 * times two pixels, which takes three products instead of four. */
#define TILE 2
#define HALO 0

static inline void input_transform(const vec *d, vec *o) {
    o[0] = d[0] + d[1];
    o[1] = d[1];
    o[2] = d[0];
}

static inline void output_transform(const vec *d, vec *o) {
    o[0] = d[0] + d[1];
    o[1] = d[0] + d[2];
}

static inline void weight_transform(const vec *g, vec *o) {
    o[0] = g[1];
    o[1] = g[2] - g[1];
    o[2] = g[0] - g[1];
}

static inline void output_transposed(const vec *y, vec *o) {
    o[0] = y[0] + y[1];
    o[1] = y[0];
    o[2] = y[1];
}

static inline void weight_transposed(const vec *d, vec *o) {
    o[0] = d[2];
    o[1] = d[0] - d[1] - d[2];
    o[2] = d[1];
}

#elif ALPHA == 4

#define TILE 2
#define HALO 1

static inline void input_transform(const vec *d, vec *o) {
    o[0] = d[0] - d[2];
    o[1] = d[1] + d[2];
    o[2] = d[2] - d[1];
    o[3] = d[1] - d[3];
}

static inline void output_transform(const vec *d, vec *o) {
    o[0] = d[0] + d[1] + d[2];
    o[1] = d[1] - d[2] - d[3];
}

static inline void weight_transform(const vec *g, vec *o) {
    vec even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    o[0] = g[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = g[2];
}

static inline void output_transposed(const vec *y, vec *o) {
    o[0] = y[0];
    o[1] = y[0] + y[1];
    o[2] = y[0] - y[1];
    o[3] = -y[1];
}

static inline void weight_transposed(const vec *d, vec *o) {
    vec sum = 0.5f * (d[1] + d[2]);
    o[0] = d[0] + sum;
    o[1] = 0.5f * (d[1] - d[2]);
    o[2] = sum + d[3];
}

#else

#define TILE 4
#define HALO 1

static inline void input_transform(const vec *d, vec *o) {
    vec even = d[4] - 4 * d[2], odd = d[3] - 4 * d[1];
    vec even2 = d[4] - d[2], odd2 = 2 * (d[3] - d[1]);
    o[0] = 4 * d[0] - 5 * d[2] + d[4];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = 4 * d[1] - 5 * d[3] + d[5];
}

static inline void output_transform(const vec *d, vec *o) {
    vec sum = d[1] + d[2], difference = d[1] - d[2], sum2 = d[3] + d[4], difference2 = d[3] - d[4];
    o[0] = d[0] + sum + sum2;
    o[1] = difference + 2 * difference2;
    o[2] = sum + 4 * sum2;
    o[3] = difference + 8 * difference2 + d[5];
}

static inline void weight_transform(const vec *g, vec *o) {
    vec even = (g[0] + g[2]) * (-1.0f / 6), odd = g[1] * (-1.0f / 6);
    vec even2 = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), odd2 = g[1] * (1.0f / 12);
    o[0] = g[0] * 0.25f;
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = g[2];
}

static inline void output_transposed(const vec *y, vec *o) {
    vec even = y[0] + y[2], odd = y[1] + y[3], even2 = y[0] + 4 * y[2], odd2 = 2 * y[1] + 8 * y[3];
    o[0] = y[0];
    o[1] = even + odd;
    o[2] = even - odd;
    o[3] = even2 + odd2;
    o[4] = even2 - odd2;
    o[5] = y[3];
}

static inline void weight_transposed(const vec *d, vec *o) {
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
    ASTORE(value, block, PIXEL(top + row, left + column))

static inline vec masked(vec value, int keep) {
    return AS_VEC(AS_IVEC(value) & (ivec)-keep);
}

/* The pixel at which tile number `tile` of images h x w begins, less `halo`. */
typedef struct {
    int image, top, left;
} place;
static inline place place_of(int tile, int h, int w, int halo) {
    int tiles_h = (h + TILE - 1) / TILE, tiles_w = (w + TILE - 1) / TILE;
    place p = {tile / (tiles_w * tiles_h), tile / tiles_w % tiles_h * TILE - halo, tile % tiles_w * TILE - halo};
    return p;
}

/* Point (row, column) of the transformed tile at `tile_start`; `points` words lie from one point to the next. */
#define LOAD_POINT(row, column) VLOAD(block, tile_start + (size_t)(row * ALPHA + column) * points)
#define STORE_POINT(row, column, value) VSTORE(value, block, tile_start + (size_t)(row * ALPHA + column) * points)

/* taps[tap][k], lane i = weight[8 - tap][column + i][from + k], from weight[tap][o][c]: VW x VW channels of the weights
 * turned by 180 degrees. LOAD_ROTATED is a vector of o at c number from + k. */
static inline void load_rotated(global const float *weight, int c, size_t tap_words, int from, int column,
                                vec taps[9][VW]) {
    for (int tap = 0; tap < 9; tap++)
        load_transposed(weight + (8 - tap) * tap_words + (size_t)column * c + from, c, taps[tap]);
}
#define LOAD_ROTATED(row, column) taps[row * 3 + column][k]

/* A program has the kernels with register tiles, which need ROWS and COLUMNS, or those without: all that a program has
 * is compiled for its binary. */
#ifndef ROWS

/* What the kernels over tiles have in common: a work-item is one block of one of `tiles` tiles, the first of which is
 * the first of image first_image; `halo` is how far a tile begins before its outputs. Transformed, it lies in
 * [panel][point][tile][channel of the panel] of `panel` channels, which divide c: all in one are [point][tile][c]. */
#define LOCATE_TILE(halo, panel)                                                                                       \
    int i = get_global_id(0), blocks = c / VW, block = i % blocks, tile = i / blocks;                                  \
    if (tile >= tiles)                                                                                                 \
        return;                                                                                                        \
    place at = place_of(tile, h, w, halo);                                                                             \
    int left = at.left, top = at.top;                                                                                  \
    size_t image_offset = (size_t)(first_image + at.image) * h * w * c, points = (size_t)tiles * panel + GAP;          \
    size_t tile_offset = block * VW / panel * (ALPHA * ALPHA * points - panel) + (size_t)tile * panel

/* v[panel][point][tile][channel of the panel] = B' x B. */
kernel void winograd_input(global const stored *x, int first_image, int tiles, int h, int w, int c, int panel,
                           global float *v) {
    LOCATE_TILE(HALO, panel);
    global const stored *image_start = x + image_offset;
    global float *tile_start = v + tile_offset;
    TRANSFORM(input_transform, TILE + 2 * HALO, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* y = A' m A + bias (where has_bias is set), from m[point][tile][c]. */
kernel void winograd_output(global const float *m, int first_image, int tiles, int h, int w, int c, int has_bias,
                            global const float *bias, global stored *y) {
    LOCATE_TILE(0, c);
    global const float *tile_start = m + tile_offset;
    global stored *image_start = y + image_offset;
    vec offset = has_bias ? VLOAD(block, bias) : (vec)0;
#define STORE_WITH_OFFSET(row, column, value) STORE_PIXEL(row, column, (value) + offset)
    TRANSFORM(output_transform, ALPHA, TILE, LOAD_POINT, STORE_WITH_OFFSET)
}

/* z[panel][point][tile][channel of the panel] = A dy A'. */
kernel void winograd_gradient(global const stored *dy, int first_image, int tiles, int h, int w, int c, int panel,
                              global float *z) {
    LOCATE_TILE(0, panel);
    global const stored *image_start = dy + image_offset;
    global float *tile_start = z + tile_offset;
    TRANSFORM(output_transposed, TILE, ALPHA, LOAD_PIXEL, STORE_POINT)
}

/* u[point][c][o] = G w G', from weight[tap][c][o], or where `turned` is set from weight[8 - tap][c][o]: turned by 180
 * degrees. A work-item is one block of o at one c; count is their number. */
kernel void winograd_weight(global const float *weight, int count, int turned, global float *u) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t words = (size_t)count * VW, points = words + GAP;
    global float *tile_start = u;
#define LOAD_TAP(row, column) VLOAD(block, weight + (turned ? 8 - (row * 3 + column) : row * 3 + column) * words)
    TRANSFORM(weight_transform, 3, ALPHA, LOAD_TAP, STORE_POINT)
}

/* The same of the weights turned by 180 degrees with their channels swapped, w[tap][c][o] = weight[8 - tap][o][c]. A
 * work-item is VW of o at VW of c, which VW divides too. */
kernel void winograd_weight_rotated(global const float *weight, int c, int o, global float *u) {
    int i = get_global_id(0), from = i % (c / VW) * VW, block = i / (c / VW);
    if (block >= o / VW)
        return;
    size_t points = (size_t)c * o + GAP;
    vec taps[9][VW];
    load_rotated(weight, c, (size_t)c * o, from, block * VW, taps);
    for (int k = 0; k < VW; k++) {
        global float *tile_start = u + (size_t)(from + k) * o;
        TRANSFORM(weight_transform, 3, ALPHA, LOAD_ROTATED, STORE_POINT)
    }
}

/* The sum of vector `block` behind p and what lies part_words behind it for each further part. */
static inline vec sum_of_parts(global const float *p, int parts, size_t part_words, int block) {
    vec sum = VLOAD(block, p);
    for (int part = 1; part < parts; part++)
        sum += VLOAD(block, p + part * part_words);
    return sum;
}

/* dweight[tap][c][o] = G' du G, du[point][c][o] being the sum of so many parts in their order. A work-item is one block
 * of o at one c; count is their number. */
kernel void winograd_weight_gradient(global const float *du, int count, int parts, global float *dweight) {
    int block = get_global_id(0);
    if (block >= count)
        return;
    size_t words = (size_t)count * VW, points = words + GAP;
#define LOAD_SUM(row, column)                                                                                          \
    sum_of_parts(du + (row * ALPHA + column) * points, parts, ALPHA * ALPHA * points, block)
#define STORE_TAP(row, column, value) VSTREAM(value, block, dweight + (row * 3 + column) * words)
    TRANSFORM(weight_transposed, ALPHA, 3, LOAD_SUM, STORE_TAP)
}

#else

/* For devices whose work-items have a large fast local memory, which is a part of the cache on CPUs, and many wide
 * registers: work-groups are one work-item, hold there what is transformed, and take one job after the other. */

#define WIDTH (COLUMNS * VW)

#define LOCAL_LOAD(i, p) (((local const vec *)(p))[i])
#define LOCAL_STORE(v, i, p) (((local vec *)(p))[i] = (v))
#define LOAD_LOCAL_POINT(row, column) LOCAL_LOAD(block, tile_start + (row * ALPHA + column) * points)
#define STORE_LOCAL_POINT(row, column, value) LOCAL_STORE(value, block, tile_start + (row * ALPHA + column) * points)

/* sum[r][j] += A(r, k) * B(k, j) for each k < depth: ROWS rows and COLUMNS vectors of a matrix product. */
#define MULTIPLY(depth, A, B)                                                                                          \
    for (int k = 0; k < (depth); k++) {                                                                                \
        vec b_row[COLUMNS];                                                                                            \
        UNROLL for (int j = 0; j < COLUMNS; j++) b_row[j] = B(k, j);                                                   \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                        \
            vec value = A(r, k);                                                                                       \
            UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = MAD(value, b_row[j], sum[r][j]);                      \
        }                                                                                                              \
    }

/* y = A' m A + bias (where has_bias is set) of `count` tiles from number `first` on and COLUMNS vectors of the o
 * channels, from m[point][t][column]; y, bias and partial begin with the first of these channels. Where has_partial is
 * set, for images of whole tiles, the tiles are a slab, whose statistics (cl/common.cl) go to partial. */
static inline void transform_outputs(local const float *m, int points, int first, int count, int h, int w, int o,
                                     int has_bias, global const float *bias, global stored *y, int has_partial,
                                     global float *partial) {
    vec mean[COLUMNS], squares[COLUMNS];
    UNROLL for (int block = 0; block < COLUMNS; block++) mean[block] = squares[block] = 0;
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        int top = at.top, left = at.left, c = o;
        global stored *image_start = y + (size_t)at.image * h * w * o;
        local const float *tile_start = m + t * WIDTH;
        for (int block = 0; block < COLUMNS; block++) {
            vec offset = has_bias ? VLOAD(block, bias) : (vec)0, values[TILE * TILE];
#define KEEP_VALUE(row, column, value) values[row * TILE + column] = (value) + offset
            TRANSFORM(output_transform, ALPHA, TILE, LOAD_LOCAL_POINT, KEEP_VALUE)
            UNROLL for (int i = 0; i < TILE * TILE; i++) STORE_PIXEL(i / TILE, i % TILE, values[i]);
            if (has_partial)
                join_values(values, TILE * TILE, t, &mean[block], &squares[block]);
        }
    }
    if (has_partial)
        for (int block = 0; block < COLUMNS; block++)
            store_slab(count * TILE * TILE, mean[block], squares[block], block, partial, o);
}

/* ------------------------------------------------------------------------------------------------ images in local --
 * All in one pass over the images: a work-group takes a group of tiles at a time. */

/* v[point][t][c] = B' x B of `count` tiles from number `first` on. */
static inline void transform_inputs(global const stored *x, int first, int count, int h, int w, int c, local float *v,
                                    int points) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, HALO);
        int top = at.top, left = at.left;
        global const stored *image_start = x + (size_t)at.image * h * w * c;
        local float *tile_start = v + t * c;
        for (int block = 0; block < c / VW; block++) {
            TRANSFORM(input_transform, TILE + 2 * HALO, ALPHA, LOAD_PIXEL, STORE_LOCAL_POINT)
        }
    }
}

/* m[point][t][column] = sum over c of v[point][t][c] * u[point][c][column], COLUMNS vectors of columns. */
static inline void multiply_tiles(local const float *v, int v_points, int count, int c, global const float *u, int o,
                                  local float *m, int m_points) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, u += (size_t)c * o + GAP, m += m_points) {
        for (int row = 0; row < count; row += ROWS) {
            vec sum[ROWS][COLUMNS];
            local const float *line[ROWS]; /* those beyond the last are computed again and not stored */
            UNROLL for (int r = 0; r < ROWS; r++) {
                line[r] = v + min(row + r, count - 1) * c;
                UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = 0;
            }
#define LINE(r, k) line[r][k]
#define GLOBAL_WEIGHT(k, j) VLOAD(j, u + (size_t)(k) * o)
            MULTIPLY(c, LINE, GLOBAL_WEIGHT)
            UNROLL for (int r = 0; r < ROWS; r++) {
                if (row + r >= count)
                    break;
                UNROLL for (int j = 0; j < COLUMNS; j++) LOCAL_STORE(sum[r][j], j, m + (row + r) * WIDTH);
            }
        }
    }
}

/* y = the convolution of x by the weights whose transform is u[point][c][o], plus bias. A job is `group` of `tiles`
 * tiles, COLUMNS vectors of channels at a time, and a slab of partial where has_partial is set.
 * v: [point][group][c], m: [point][group][WIDTH]. */
kernel void winograd_fused(global int *taken, int jobs, global const stored *x, int tiles, int group, int h, int w,
                           int c, int o, global const float *u, int has_bias, global const float *bias,
                           global stored *y, int has_partial, global float *partial, local vec *v_words,
                           local vec *m_words) {
    local float *v = (local float *)v_words, *m = (local float *)m_words;
    int v_points = group * c + GAP, m_points = group * WIDTH + GAP;
    FOR_EACH_JOB(job, taken, jobs) {
        int first = job * group, count = min(group, tiles - first);
        transform_inputs(x, first, count, h, w, c, v, v_points);
        for (int column = 0; column < o; column += WIDTH) {
            multiply_tiles(v, v_points, count, c, u + column, o, m, m_points);
            transform_outputs(m, m_points, first, count, h, w, o, has_bias, bias + column, y + column, has_partial,
                              SLAB(job, partial, o) + column);
        }
    }
}

/* z[point][t][o] = A dy A', as in transform_inputs(). */
static inline void transform_gradients(global const stored *dy, int first, int count, int h, int w, int o,
                                       local float *z, int points) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        int top = at.top, left = at.left, c = o;
        global const stored *image_start = dy + (size_t)at.image * h * w * o;
        local float *tile_start = z + t * o;
        for (int block = 0; block < o / VW; block++) {
            TRANSFORM(output_transposed, TILE, ALPHA, LOAD_PIXEL, STORE_LOCAL_POINT)
        }
    }
}

/* du[point][c][o] = or, where add is set, += sum over t of v[point][t][c] * z[point][t][o]. ROWS divides c. */
static inline void multiply_transposed(local const float *v, int v_points, local const float *z, int z_points,
                                       int count, int c, int o, int add, global float *du) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, z += z_points, du += (size_t)c * o + GAP) {
        for (int column = 0; column < o; column += WIDTH) {
            for (int row = 0; row < c; row += ROWS) {
                global float *to = du + (size_t)row * o + column;
                vec sum[ROWS][COLUMNS];
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] =
                        add ? VLOAD(j, to + (size_t)r * o) : (vec)0;
#define LOCAL_INPUT(r, t) v[(t) * c + row + r]
#define LOCAL_GRADIENT(t, j) LOCAL_LOAD(j, z + (t) * o + column)
                MULTIPLY(count, LOCAL_INPUT, LOCAL_GRADIENT)
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++) VSTORE(sum[r][j], j, to + (size_t)r * o);
            }
        }
    }
}

/* du[slab][point][c][o] = sum over the slab's tiles of (B' x B) * (A dy A'); a job is a slab of slab_tiles, a group of
 * tiles at a time. v: [point][group][c], z: [point][group][o]. */
kernel void winograd_fused_gradient(global int *taken, int slabs, global const stored *x, global const stored *dy,
                                    int tiles, int slab_tiles, int group, int h, int w, int c, int o, global float *du,
                                    local vec *v_words, local vec *z_words) {
    local float *v = (local float *)v_words, *z = (local float *)z_words;
    int v_points = group * c + GAP, z_points = group * o + GAP;
    FOR_EACH_JOB(slab, taken, slabs) {
        int start = slab * slab_tiles, end = min(start + slab_tiles, tiles);
        for (int first = start; first < end; first += group) {
            int count = min(group, end - first);
            transform_inputs(x, first, count, h, w, c, v, v_points);
            transform_gradients(dy, first, count, h, w, o, z, z_points);
            multiply_transposed(v, v_points, z, z_points, count, c, o, first > start,
                                du + slab * ALPHA * ALPHA * ((size_t)c * o + GAP));
        }
    }
}

/* ----------------------------------------------------------------------------------------------- weights in local --
 * The other way about, for weights whose transform is larger than the images': a job makes a slice of it, WIDTH
 * columns and `depth` of the channels c, and uses it up. The transformed images come in panels as large as what is read
 * of them at a time. */

/* Where the weights of a slice lie: at each tap in `rows` rows of `words` words, `stride` words apart. The rows are
 * channels c of weight[tap][c][o], or where it is rotated o of weight[tap][o][c]. */
typedef struct {
    global const float *start;
    int rotated, rows, words, stride;
    size_t tap_words;
} slice;

/* That of channels c from number `from` on, `depth` of them, and o from number `first` on, WIDTH of them. */
static inline slice slice_of(global const float *weight, int c, int o, int rotated, int from, int depth, int first) {
    slice across = {weight + (size_t)from * o + first, rotated, depth, WIDTH, o, (size_t)c * o};
    slice along = {weight + (size_t)first * c + from, rotated, WIDTH, depth, c, (size_t)c * o};
    return rotated ? along : across;
}

/* The lines of the cache that a row and that all rows lie in. */
enum { LINE_WORDS = 16 };
static inline int row_lines(slice s) {
    return (s.words + LINE_WORDS - 1) / LINE_WORDS;
}
static inline int lines(slice s) {
    return 9 * s.rows * row_lines(s);
}

/* Has it brought into the cache, by loads so close together that many are on their way at a time: those of
 * transform_weights() are not. */
static inline void touch(slice s) {
    for (int tap = 0; tap < 9; tap++)
        for (int row = 0; row < s.rows; row++)
            for (int word = 0; word < s.words; word += LINE_WORDS)
                (void)*(volatile global const float *)(s.start + tap * s.tap_words + row * s.stride + word);
}

/* Asks for a line without waiting for it: in the compiler's words, because PoCL takes OpenCL's prefetch() for nothing. */
#if defined(__x86_64__) || defined(__aarch64__)
#define PREFETCH(p) __builtin_prefetch((const void *)(size_t)(p), 0, 1)
#else
#define PREFETCH(p)
#endif

/* Asks for `count` of its lines from number `first` on, as far as there are. */
static inline void prefetch_lines(slice s, int first, int count) {
    int end = min(first + count, lines(s));
    for (int line = first; line < end; line++) {
        int row = line / row_lines(s), word = line % row_lines(s) * LINE_WORDS;
        PREFETCH(s.start + row / s.rows * s.tap_words + row % s.rows * s.stride + word);
    }
}

/* u[point][k][column] = G w G' of a slice; rotated as in winograd_weight_rotated(), where VW divides its words. */
static inline void transform_weights(slice s, local float *u, int points) {
    touch(s);
    if (!s.rotated) {
        for (int k = 0; k < s.rows; k++) {
            global const float *weight = s.start + (size_t)k * s.stride;
            local float *tile_start = u + k * WIDTH;
            for (int block = 0; block < COLUMNS; block++) {
#define LOAD_SLICE(row, column) VLOAD(block, weight + (row * 3 + column) * s.tap_words)
                TRANSFORM(weight_transform, 3, ALPHA, LOAD_SLICE, STORE_LOCAL_POINT)
            }
        }
        return;
    }
    for (int start = 0; start < s.words; start += VW)
        for (int block = 0; block < COLUMNS; block++) {
            vec taps[9][VW];
            load_rotated(s.start, s.stride, s.tap_words, start, block * VW, taps);
            for (int k = 0; k < VW; k++) {
                local float *tile_start = u + (start + k) * WIDTH;
                TRANSFORM(weight_transform, 3, ALPHA, LOAD_ROTATED, STORE_LOCAL_POINT)
            }
        }
}

/* m[point][t][column] = or, where add is set, += sum over k of v[point][t][k] * u[point][k][column]. VW divides depth.
 * Asks meanwhile, evenly, for the slice `next`. */
static inline void multiply_slice(global const float *v, size_t v_points, int count, local const float *u, int u_points,
                                  int depth, int add, local float *m, int m_points, slice next) {
    int steps = ALPHA * ALPHA * ((count + ROWS - 1) / ROWS) * (depth / VW);
    int step_lines = lines(next) / steps + 1, next_line = 0;
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, u += u_points, m += m_points) {
        for (int row = 0; row < count; row += ROWS) {
            vec sum[ROWS][COLUMNS];
            global const float *line[ROWS]; /* those beyond the last are the last one again */
            local float *to[ROWS];
            UNROLL for (int r = 0; r < ROWS; r++) {
                int t = min(row + r, count - 1);
                line[r] = v + t * depth;
                to[r] = m + t * WIDTH;
                UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = add ? LOCAL_LOAD(j, to[r]) : (vec)0;
            }
            for (int start = 0; start < depth; start += VW, next_line += step_lines) {
                prefetch_lines(next, next_line, step_lines);
#define STEP_LINE(r, k) line[r][start + k]
#define LOCAL_WEIGHT(k, j) LOCAL_LOAD(j, u + (start + k) * WIDTH)
                MULTIPLY(VW, STEP_LINE, LOCAL_WEIGHT)
            }
            UNROLL for (int r = 0; r < ROWS; r++)
                UNROLL for (int j = 0; j < COLUMNS; j++) LOCAL_STORE(sum[r][j], j, to[r]);
        }
    }
}

/* y = the convolution by weight[tap][c][o], plus bias, of `tiles` tiles, the first of which is the first of image
 * first_image, from v[c / depth][point][tile][depth] = B' x B. A job makes WIDTH columns of `group` tiles, which are a
 * slab, from number first_slab on, of partial where has_partial is set; columns run fastest. depth divides c.
 * u: [point][depth][WIDTH], m: [point][group][WIDTH]. */
kernel void winograd_sliced(global int *taken, int jobs, global const float *v, int first_image, int tiles, int group,
                            int h, int w, int c, int o, int depth, global const float *weight, int rotated,
                            int has_bias, global const float *bias, global stored *y, int has_partial, int first_slab,
                            global float *partial, local vec *u_words, local vec *m_words) {
    local float *u = (local float *)u_words, *m = (local float *)m_words;
    int u_points = depth * WIDTH + GAP, m_points = group * WIDTH + GAP;
    size_t v_points = (size_t)tiles * depth + GAP;
    y += (size_t)first_image * h * w * o;
    FOR_EACH_JOB(job, taken, jobs) {
        int column = job * WIDTH % o, slab = job * WIDTH / o, first = slab * group, count = min(group, tiles - first);
        int likely_column = (job + (int)get_num_groups(0)) * WIDTH % o; /* of this work-group's next job */
        for (int from = 0; from < c; from += depth) {
            bool last = from + depth >= c;
            transform_weights(slice_of(weight, c, o, rotated, from, depth, column), u, u_points);
            multiply_slice(v + from / depth * ALPHA * ALPHA * v_points + first * depth, v_points, count, u, u_points,
                           depth, from > 0, m, m_points,
                           slice_of(weight, c, o, rotated, last ? 0 : from + depth, depth,
                                    last ? likely_column : column));
        }
        transform_outputs(m, m_points, first, count, h, w, o, has_bias, bias + column, y + column, has_partial,
                          SLAB(first_slab + slab, partial, o) + column);
    }
}

/* dweight[tap][c][o] = or, where add is set, += G' (sum over tiles of v * z) G, from v[c / depth][point][tile][depth] =
 * B' x B and z[o / WIDTH][point][tile][WIDTH] = A dy A'. A job makes `depth` of c, which run fastest, and WIDTH of o.
 * depth divides c, ROWS divides depth. du: [point][depth][WIDTH]. */
kernel void winograd_sliced_gradient(global int *taken, int jobs, global const float *v, global const float *z,
                                     int tiles, int c, int o, int depth, int add, global float *dweight,
                                     local vec *du_words) {
    local float *du = (local float *)du_words;
    int points = depth * WIDTH + GAP;
    size_t v_points = (size_t)tiles * depth + GAP, z_points = (size_t)tiles * WIDTH + GAP;
    FOR_EACH_JOB(job, taken, jobs) {
        int v_panel = job % (c / depth), z_panel = job / (c / depth);
        for (int point = 0; point < ALPHA * ALPHA; point++) {
            global const float *v_point = v + (v_panel * ALPHA * ALPHA + point) * v_points;
            global const float *z_point = z + (z_panel * ALPHA * ALPHA + point) * z_points;
            for (int row = 0; row < depth; row += ROWS) {
                vec sum[ROWS][COLUMNS];
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++) sum[r][j] = 0;
#define INPUT(r, t) v_point[(size_t)(t) * depth + row + r]
#define GRADIENT(t, j) VLOAD(j, z_point + (size_t)(t) * WIDTH)
                MULTIPLY(tiles, INPUT, GRADIENT)
                UNROLL for (int r = 0; r < ROWS; r++)
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        LOCAL_STORE(sum[r][j], j, du + point * points + (row + r) * WIDTH);
            }
        }
        global float *to = dweight + (size_t)v_panel * depth * o + z_panel * WIDTH;
        for (int k = 0; k < depth; k++, to += o) {
            local const float *tile_start = du + k * WIDTH;
            for (int block = 0; block < COLUMNS; block++) {
#define TAP(row, column) (to + (size_t)(row * 3 + column) * c * o)
#define STORE_SLICE(row, column, value)                                                                                \
    VSTREAM((value) + (add ? VLOAD(block, TAP(row, column)) : (vec)0), block, TAP(row, column))
                TRANSFORM(weight_transposed, ALPHA, 3, LOAD_LOCAL_POINT, STORE_SLICE)
            }
        }
    }
}

#endif
