/* winograd_transform.cl - the transforms of Winograd's minimal filtering F(TILE x TILE, 3x3) (Lavin and Gray 2016), for
 * the kernel files that include this one.
 *
 *     y = A' [ (G w G') * (B' x B) ] A         one ALPHA x ALPHA input tile gives TILE x TILE outputs
 *     dw = G' [ (B' x B) * (A dy A') ] G       summed over all tiles: the same products, transposed
 *
 * The products at each of the ALPHA^2 points, summed over channels or over tiles, are matrix products. A transformed
 * array has a matrix for each point, with GAP words between two matrices. Tiles are numbered as pixels are: tile
 * columns run fastest, then tile rows, then images. An image whose sides are not multiples of TILE is padded with
 * zeros. */

#ifndef ALPHA
#define ALPHA 6 /* points along each side of a transformed tile: 6 for TILE 4, 4 for TILE 2, 3 for images of 2 x 2 */
#endif
#ifndef GAP
#define GAP 32 /* words, a multiple of VW */
#endif

#if ALPHA == 3

/* The tile is the whole image, so the pixels of its HALO are 0 and are left out. A row of outputs is then [w1 w2; w0
 * w1] times two pixels, which takes three products instead of four. */
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

/* Transforms IN x IN values along both sides by the 1-D transform f, which makes OUT values of IN: `load` is an
 * expression for the value in `row` and `column` of the IN x IN, `store` a statement that takes `value`, the result in
 * `row` and `column` of the OUT x OUT. The caller names row, column and value. */
#define TRANSFORM(f, IN, OUT, row, column, load, value, store)                                                         \
    {                                                                                                                  \
        vec half_done_[OUT][IN];                                                                                       \
        UNROLL for (int column = 0; column < IN; column++) {                                                           \
            vec in_[IN], out_[OUT];                                                                                    \
            UNROLL for (int row = 0; row < IN; row++)                                                                  \
                in_[row] = (load);                                                                                     \
            f(in_, out_);                                                                                              \
            UNROLL for (int row = 0; row < OUT; row++)                                                                 \
                half_done_[row][column] = out_[row];                                                                   \
        }                                                                                                              \
        UNROLL for (int row = 0; row < OUT; row++) {                                                                   \
            vec out_[OUT];                                                                                             \
            f(half_done_[row], out_);                                                                                  \
            UNROLL for (int column = 0; column < OUT; column++) {                                                      \
                vec value = out_[column];                                                                              \
                store;                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The number of a transformed tile's point, and of a tap of the weights. */
#define POINT(row, column) ((row) * ALPHA + (column))
#define TAP(row, column)   ((row) * 3 + (column))

/* The pixel at which tile number `tile` of images of h x w pixels begins, less `halo` on each side. */
typedef struct {
    int image, top, left;
} place;
static inline place place_of(int tile, int h, int w, int halo) {
    int tiles_h = (h + TILE - 1) / TILE, tiles_w = (w + TILE - 1) / TILE;
    place p = {tile / (tiles_w * tiles_h), tile / tiles_w % tiles_h * TILE - halo, tile % tiles_w * TILE - halo};
    return p;
}

/* Whether a pixel is inside an image of h x w pixels. */
#define INSIDE(row, column, h, w) ((row) >= 0 && (row) < (h) && (column) >= 0 && (column) < (w))

static inline vec masked(vec value, int keep) {
    return AS_VEC(AS_IVEC(value) & (ivec)-keep);
}

/* Vector `block` of the pixel (row, column) of an image of h x w pixels and c channels; 0 outside the image. The load
 * is one of the nearest pixel, masked: branches would keep a CPU from loading all of a tile's pixels at once.
 * LOAD_PIXEL and STORE_PIXEL are macros because PoCL compiles functions to more instructions. */
#define PIXEL(image, row, column, w, c) ((image) + ((size_t)(row) * (w) + (column)) * (c))
#define LOAD_PIXEL(image, row, column, h, w, c, block)                                                                 \
    masked(ALOAD(block, PIXEL(image, clamp(row, 0, (h) - 1), clamp(column, 0, (w) - 1), w, c)),                        \
           INSIDE(row, column, h, w))
#define STORE_PIXEL(value, image, row, column, h, w, c, block)                                                         \
    if (INSIDE(row, column, h, w))                                                                                     \
    ASTORE(value, block, PIXEL(image, row, column, w, c))

/* taps[tap][k], lane i = weight[8 - tap][column + i][from + k], from weight[tap][o][c]: VW x VW channels of the weights
 * rotated by 180 degrees. taps[tap][k] is then a vector of o at c number from + k. */
static inline void load_rotated(global const float *weight, int c, size_t tap_words, int from, int column,
                                vec taps[9][VW]) {
    for (int tap = 0; tap < 9; tap++)
        load_transposed(weight + (8 - tap) * tap_words + (size_t)column * c + from, c, taps[tap]);
}
