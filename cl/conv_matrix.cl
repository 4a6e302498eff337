/* conv_matrix.cl - 3x3 convolution as products of matrices (matrix.cl), for devices on which a work-group is one
 * work-item on a CPU core, or a sub-group of SIMD lanes (matrix_lanes.cl). Images, their number a multiple of 16 or
 * filled up with zeros, are the rows of a tile, so that images of all sizes fill tiles, and taps beyond the border are
 * left out. */

#include "matrix.cl"
#include "matrix_lanes.cl"

enum { IMAGES = TILE_SIDE * BLOCK_ROWS, GAP = 32 };

/* -------------------------------------------------------------------------------------------------------- weights --
 */

/* packed[panel][tap][slice][column tile] = B, the weights of WIDTH outputs and a slice of 32 of the c channels, 0
 * beyond the last. weight[tap][c][o], or rotated: weight[8 - tap][o][c]. A work-item has a slice of a tap. */
kernel void matrix_weight(global const float *weight, int c, int o, int rotated, global number *packed) {
    int slices = (c + TILE_DEPTH - 1) / TILE_DEPTH, i = get_global_id(0), tap = i / slices, slice = i % slices;
    if (tap >= 9)
        return;
    weight += (size_t)(rotated ? 8 - tap : tap) * c * o;
    for (int tile = 0; tile < o / TILE_SIDE; tile++) {
        size_t place = (((size_t)(tile / PANEL) * 9 + tap) * slices + slice) * PANEL + tile % PANEL;
        global uint16 *to = (global uint16 *)(packed + place * TILE_B);
        uint16 lines[TILE_LINES];
        if (rotated) {
            UNROLL for (int k = 0; k < TILE_SIDE; k++) {
                global const float *row = weight + (size_t)(tile * TILE_SIDE + k) * c + slice * TILE_DEPTH;
                put_column(lines, k, VLOAD(0, row), slice * TILE_DEPTH + TILE_SIDE < c ? VLOAD(1, row) : (vec)0);
            }
            transpose_tile(lines);
        } else UNROLL
            for (int k = 0; k < TILE_LINES; k++) {
                int from = slice * TILE_DEPTH + PACK * k;
                global const float *row = weight + (size_t)from * o;
                lines[k] =
                    from < c ? LINE_OF(TO_NUMBERS(VLOAD(tile, row)), TO_NUMBERS(VLOAD(tile, row + o))) : (uint16)0;
            }
        UNROLL for (int k = 0; k < TILE_LINES; k++)
            to[k] = lines[k];
    }
}

/* -------------------------------------------------------------------------------------------------------- forward --
 */

#if SUBGROUP > 1
/* y = the convolution of x plus bias. A work-group computes a block: a panel of outputs of one pixel of IMAGES images.
 * It reads the images where they are; c and o are multiples of 32. */
MATRIX_KERNEL void lanes_forward(global const stored *x, int n, int h, int w, int c, int o, global const number *weight,
                                 int has_bias, global const float *bias, global stored *y) {
    int panels = o / WIDTH, pixels = h * w, slices = c / TILE_DEPTH, group = get_group_id(0), panel = group % panels;
    int pixel = group / panels % pixels, row = pixel / w, column = pixel % w, first = group / panels / pixels * IMAGES;
    size_t x_image = (size_t)pixels * c, y_image = (size_t)pixels * o;
    matrix_block block;
    matrix_zero(&block);
    block.last = min(n - first, IMAGES) - 1;
    for (int r = max(row - 1, 0); r <= min(row + 1, h - 1); r++)
        for (int q = max(column - 1, 0); q <= min(column + 1, w - 1); q++) {
            int tap = (r - row + 1) * 3 + q - column + 1;
            matrix_multiply(&block, x + first * x_image + (size_t)(r * w + q) * c, x_image, TILE_DEPTH,
                            weight + (size_t)(panel * 9 + tap) * slices * PANEL * TILE_B, PANEL * TILE_B, slices);
        }
    y += first * y_image + (size_t)pixel * o + panel * WIDTH;
    UNROLL for (int i = 0; i < BLOCK_SUMS; i++) {
        int image = row_of_sum(i), output = column_of_sum(i);
        if (image <= block.last)
            ASTORE1(block.sums[i] + (has_bias ? bias[panel * WIDTH + output] : 0), image * y_image + output, y);
    }
}
#else

/* The shape of a convolution, and how its images are kept in a slot: [block][row % ring][column][image][stride]. */
typedef struct {
    int n, h, w, c, o;
    int slices, stride;      /* of 32 channels; numbers of a pixel: the slices, and a gap, so that the rows of a tile do
                              * not all have the same place in a cache */
    int ring;                /* rows in a slot: a segment with its neighbours */
    size_t row_words;        /* of a row in a slot */
    size_t x_image, y_image; /* numbers of an image */
} layout;

static inline layout layout_of(int n, int h, int w, int c, int o, int segment) {
    layout l = {n, h, w, c, o, (c + TILE_DEPTH - 1) / TILE_DEPTH};
    l.stride = l.slices * TILE_DEPTH + GAP;
    l.ring = min(segment + 2, h);
    l.row_words = (size_t)w * IMAGES * l.stride;
    l.x_image = (size_t)h * w * c;
    l.y_image = (size_t)h * w * o;
    return l;
}

/* slot[column][image] = row `row` of IMAGES images from number `first` on; those beyond the last are 0. */
static inline void copy_row(layout l, global const stored *x, int first, int row, global ushort *slot) {
    for (int image = 0; image < IMAGES; image++, slot += l.stride) {
        int there = first + image < l.n;
        global const ushorts *from =
            (global const ushorts *)(x + (first + image) * l.x_image + (size_t)row * l.w * l.c);
        global ushort *to = slot;
        for (int column = 0; column < l.w; column++, from += l.c / VW, to += IMAGES * l.stride) {
            for (int i = 0; i < l.c / VW; i++)
                ((global ushorts *)to)[i] = there ? from[i] : (ushorts)0;
            if (l.c % TILE_DEPTH)
                ((global ushorts *)to)[l.c / VW] = (ushorts)0;
        }
    }
}

/* The sums of a pixel of a block in `slot`, for the column tiles whose weights begin at `weight`: over the taps that
 * are inside the image. */
static inline void add_taps(layout l, matrix_block *sums, global const ushort *slot, int row, int column,
                            global const ushort *weight) {
    for (int r = max(row - 1, 0); r <= min(row + 1, l.h - 1); r++)
        for (int q = max(column - 1, 0); q <= min(column + 1, l.w - 1); q++) {
            int tap = (r - row + 1) * 3 + q - column + 1;
            matrix_multiply(sums, slot + (r % l.ring) * l.row_words + (size_t)q * IMAGES * l.stride, l.stride,
                            TILE_DEPTH, weight + (size_t)tap * l.slices * PANEL * TILE_B, PANEL * TILE_B, l.slices);
        }
}

/* The outputs of a panel: bias, and the statistics of those so far. */
typedef struct {
    vec offset[PANEL], mean[PANEL], squares[PANEL];
    int tiles; /* of 16 values for each output */
} outputs;

/* Adds the bias to the sums of a pixel, stores them for those of the IMAGES images that are `there`, and adds them to
 * the statistics. y is that of the first image. */
static inline void finish_pixel(layout l, const float *sums, outputs *out, int there, global stored *y,
                                int has_partial) {
    for (int i = 0; i < IMAGES; i += TILE_SIDE, out->tiles++) {
        vec values[PANEL][TILE_SIDE];
        UNROLL for (int k = 0; k < TILE_SIDE; k++) {
            vec line[PANEL];
            UNROLL for (int j = 0; j < PANEL; j++)
                line[j] = values[j][k] = ((const vec *)sums)[(i + k) * PANEL + j] + out->offset[j];
            if (i + k < there)
                store_panel(line, y + (i + k) * l.y_image);
        }
        if (!has_partial)
            continue;
        UNROLL for (int j = 0; j < PANEL; j++)
            join_values(values[j], TILE_SIDE, out->tiles, &out->mean[j], &out->squares[j]);
    }
}

/* The outputs of a panel, whose weights begin at `weight`, for one row of a block of images from number `first` on. */
static inline void compute_row(layout l, global const ushort *slot, global const ushort *weight, int first, int row,
                               outputs *out, global stored *y, int has_partial) {
    y += first * l.y_image + (size_t)row * l.w * l.o;
    for (int column = 0; column < l.w; column++, y += l.o) {
        float sums[IMAGES * WIDTH] __attribute__((aligned(64)));
        for (int j = 0; j < PANEL; j += BLOCK_COLUMNS) {
            matrix_block block;
            matrix_zero(&block);
            add_taps(l, &block, slot, row, column, weight + j * TILE_B);
            matrix_store_private(&block, sums + j * TILE_SIDE, WIDTH);
        }
        finish_pixel(l, sums, out, l.n - first, y, has_partial);
    }
}

/* y = the convolution of x plus bias. A job has `blocks` * IMAGES images, `band` segments of `segment` rows, and `part`
 * panels of outputs. It copies the rows of a segment with their neighbours to its work-group's slot of slots. The
 * segments of the images of a job are a slab of partial if has_partial is set, which needs n to be a multiple of their
 * number. */
kernel void matrix_forward(global int *taken, int jobs, global const stored *x, int n, int h, int w, int c, int o,
                           int blocks, int segment, int band, int part, global const ushort *weight, int has_bias,
                           global const float *bias, global stored *y, int has_partial, global float *partial,
                           global ushort *slots) {
    layout l = layout_of(n, h, w, c, o, segment);
    int segments = (h + segment - 1) / segment, bands = (segments + band - 1) / band, panels = o / WIDTH;
    int parts = (panels + part - 1) / part;
    size_t panel_words = (size_t)9 * l.slices * PANEL * TILE_B, block_words = l.ring * l.row_words;
    global ushort *slot = slots + get_group_id(0) * blocks * block_words;
    MATRIX_BEGIN
    FOR_EACH_JOB(job, taken, jobs) {
        int group = job / parts / bands, at_band = job / parts % bands, at_part = job % parts;
        int first = group * blocks * IMAGES, copied = max(at_band * band * segment - 1, 0);
        for (int s = at_band * band; s < min((at_band + 1) * band, segments); s++) {
            int top = s * segment, bottom = min(top + segment, h);
            for (; copied < min(bottom + 1, h); copied++)
                for (int block = 0; block < blocks; block++)
                    copy_row(l, x, first + block * IMAGES, copied,
                             slot + block * block_words + copied % l.ring * l.row_words);
            for (int panel = at_part * part; panel < min((at_part + 1) * part, panels); panel++) {
                outputs out;
                out.tiles = 0;
                UNROLL for (int j = 0; j < PANEL; j++) {
                    out.offset[j] = has_bias ? VLOAD(panel * PANEL + j, bias) : (vec)0;
                    out.mean[j] = out.squares[j] = 0;
                }
                for (int block = 0; block < blocks; block++)
                    for (int row = top; row < bottom; row++)
                        compute_row(l, slot + block * block_words, weight + panel * panel_words, first + block * IMAGES,
                                    row, &out, y + panel * WIDTH, has_partial);
                if (!has_partial)
                    continue;
                UNROLL for (int j = 0; j < PANEL; j++)
                    store_slab(out.tiles * TILE_SIDE, out.mean[j], out.squares[j], panel * PANEL + j,
                               SLAB(group * segments + s, partial, o), o);
            }
        }
    }
    MATRIX_END
}
#endif

/* ------------------------------------------------------------------------------------------------ weight gradient --
 * The sum runs over images, then pixels: x and dy are packed so that the images of a pixel are adjacent. */

/* Tile `tile` of the channels of a pixel, of block `block` of 32 images: packed[panel of channels][pixel][block][tile
 * of the panel]. A panel has `panel` tiles, and pixels + GAP_PIXELS pixels, so that panels do not all have the same
 * place in a cache. */
enum { GAP_PIXELS = 1 };
static inline size_t packed_at(int tile, int pixel, int block, int panel, int pixels, int blocks) {
    return ((((size_t)(tile / panel) * (pixels + GAP_PIXELS) + pixel) * blocks + block) * panel + tile % panel) *
           TILE_B;
}

/* packed = the c channels of n images from number `first` on, 0 beyond the last: tiles B [line][channel][PACK
 * images], or, if `rows` is set, tiles A [channel][32 images]. A work-item has `run` of the pixels, for one block: it
 * reads the images of one line after those of the other, because the same pixel of all images may have the same place
 * in a cache. */
kernel void matrix_images(global const stored *x, int first, int n, int pixels, int c, int blocks, int run, int rows,
                          int panel, global number *packed) {
    int i = get_global_id(0), block = i % blocks, start = i / blocks * run, end = min(start + run, pixels);
    int tiles = c / TILE_SIDE;
    for (int line = 0; line < TILE_LINES; line++) {
        int image = block * TILE_DEPTH + PACK * line;
        global const numbers *even = (global const numbers *)(x + (size_t)(first + image) * pixels * c);
        global const numbers *odd = even + (size_t)pixels * tiles;
        for (int pixel = start; pixel < end; pixel++)
            for (int tile = 0; tile < tiles; tile++) {
                int at = pixel * tiles + tile;
                global uint16 *to = (global uint16 *)(packed + packed_at(tile, pixel, block, panel, pixels, blocks));
                to[line] = LINE_OF(image < n ? OF_STORED(even[at]) : (numbers)0,
                                   image + 1 < n ? OF_STORED(odd[at]) : (numbers)0);
            }
    }
    for (int pixel = start; rows && pixel < end; pixel++)
        for (int tile = 0; tile < tiles; tile++) {
            global uint16 *lines = (global uint16 *)(packed + packed_at(tile, pixel, block, panel, pixels, blocks));
            uint16 tile_lines[TILE_LINES];
            UNROLL for (int k = 0; k < TILE_LINES; k++)
                tile_lines[k] = lines[k];
            transpose_tile(tile_lines);
            UNROLL for (int k = 0; k < TILE_LINES; k++)
                lines[k % TILE_SIDE * (TILE_LINES / TILE_SIDE) + k / TILE_SIDE] = tile_lines[k];
        }
}

/* A part of an image's pixels: rows top to bottom - 1 and columns left to right - 1. */
typedef struct {
    int top, bottom, left, right;
} area;

/* *sums += over the pixels of an area, for one tap, of the product of x's neighbours with dy. x and dy are those of a
 * panel. */
static inline void add_area(matrix_block *sums, area a, int tap, int h, int w, int blocks, global const number *x,
                            global const number *dy) {
    enum { X_STEP = BLOCK_ROWS * TILE_B, DY_STEP = BLOCK_COLUMNS * TILE_B };
    int down = tap / 3 - 1, across = tap % 3 - 1;
    int left = max(a.left, -across), columns = min(a.right, w - across) - left;
    for (int row = max(a.top, -down); row < min(a.bottom, h - down); row++)
        matrix_multiply(sums, x + (size_t)((row + down) * w + left + across) * blocks * X_STEP, TILE_DEPTH, X_STEP,
                        dy + (size_t)(row * w + left) * blocks * DY_STEP, DY_STEP, columns * blocks);
}

/* dweight[slab][tap][c][o] = the sum over the slab's pixels and all images of x[neighbour][c] * dy[pixel][o], added to
 * dweight if `add` is set. x and dy are packed by matrix_images() in panels of BLOCK_ROWS and BLOCK_COLUMNS tiles, in
 * `blocks` blocks. A job has a slab of slab_rows rows, and `rows` panels of channels c times `columns` panels of
 * channels o. It takes areas of `strip` rows and `run` columns one after the other, each for all its panels and taps,
 * so that these stay in the cache. */
MATRIX_KERNEL void matrix_gradient(global int *taken, int jobs, global const number *x, global const number *dy, int h,
                                   int w, int c, int o, int blocks, int slab_rows, int rows, int columns, int strip,
                                   int run, int add, global float *dweight) {
    enum { ROWS = TILE_SIDE * BLOCK_ROWS, COLUMNS = TILE_SIDE * BLOCK_COLUMNS };
    int row_jobs = (c / ROWS + rows - 1) / rows, column_jobs = (o / COLUMNS + columns - 1) / columns;
    size_t x_panel = packed_at(BLOCK_ROWS, 0, 0, BLOCK_ROWS, h * w, blocks);
    size_t dy_panel = packed_at(BLOCK_COLUMNS, 0, 0, BLOCK_COLUMNS, h * w, blocks);
    MATRIX_BEGIN
    MATRIX_JOBS(job, taken, jobs) {
        int first_row = job % row_jobs * rows, last_row = min(first_row + rows, c / ROWS);
        int first_column = job / row_jobs % column_jobs * columns,
            last_column = min(first_column + columns, o / COLUMNS);
        int slab = job / row_jobs / column_jobs, top = slab * slab_rows, bottom = min(top + slab_rows, h);
        for (int i = top; i < bottom; i += strip)
            for (int k = 0; k < w; k += run) {
                area a = {i, min(i + strip, bottom), k, min(k + run, w)};
                for (int row = first_row; row < last_row; row++)
                    for (int column = first_column; column < last_column; column++)
                        for (int tap = 0; tap < 9; tap++) {
                            global float *to =
                                dweight + (((size_t)slab * 9 + tap) * c + row * ROWS) * o + column * COLUMNS;
                            matrix_block sums;
                            if (add || i > top || k > 0)
                                matrix_load(&sums, to, o);
                            else
                                matrix_zero(&sums);
                            add_area(&sums, a, tap, h, w, blocks, x + row * x_panel, dy + column * dy_panel);
                            matrix_store(&sums, to, o);
                        }
            }
    }
    MATRIX_END
}
