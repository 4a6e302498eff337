/* winograd_local.cl - 3x3 convolution by Winograd's algorithm with the transformed arrays in local memory, for devices
 * whose work-items have many wide registers and a large fast local memory: CPUs, where it is a part of the cache. A
 * work-group is one work-item, which takes one job after the other. winograd_transform.cl has the formulas. */

#include "winograd_transform.cl"

#ifndef ROWS
#define ROWS 6 /* of the register tile of a matrix product */
#endif
#ifndef COLUMNS
#define COLUMNS 2 /* vectors of the register tile; ROWS * COLUMNS vectors are accumulated */
#endif

/* The number of the kernel that the program has, or 0 for all: compilers take long for each of them, and two of them
 * rarely have the same options. */
#define FUSED           1
#define FUSED_GRADIENT  2
#define SLICED          3
#define SLICED_GRADIENT 4
#ifndef PRODUCT
#define PRODUCT 0
#endif
#define HAS(product) (PRODUCT == 0 || PRODUCT == (product))

#define WIDTH (COLUMNS * VW)

#define LOCAL_LOAD(i, p)     (((local const vec *)(p))[i])
#define LOCAL_STORE(v, i, p) (((local vec *)(p))[i] = (v))

/* sum[r][j] += a * b for each k < depth: ROWS rows and COLUMNS vectors of a matrix product. a is an expression for the
 * element in row r and column k of the first matrix, b for vector j of row k of the second. The caller names r, k and
 * j. */
#define MULTIPLY(sum, depth, r, k, j, a, b)                                                                            \
    for (int k = 0; k < (depth); k++) {                                                                                \
        vec b_row_[COLUMNS];                                                                                           \
        UNROLL for (int j = 0; j < COLUMNS; j++)                                                                       \
            b_row_[j] = (b);                                                                                           \
        UNROLL for (int r = 0; r < ROWS; r++) {                                                                        \
            vec value_ = (a);                                                                                          \
            UNROLL for (int j = 0; j < COLUMNS; j++)                                                                   \
                sum[r][j] = MAD(value_, b_row_[j], sum[r][j]);                                                         \
        }                                                                                                              \
    }

/* y = A' m A + bias (without bias unless has_bias is set) for `count` tiles from number `first` on and COLUMNS vectors
 * of the o channels, from m[point][t][column]; y, bias and partial begin with the first of these channels. If
 * has_partial is set, which needs images of whole tiles, the tiles are a slab, whose statistics (common.cl) are stored
 * in partial. */
static inline void transform_outputs(local const float *m, int points, int first, int count, int h, int w, int o,
                                     int has_bias, global const float *bias, global stored *y, int has_partial,
                                     global float *partial) {
    vec mean[COLUMNS], squares[COLUMNS];
    UNROLL for (int block = 0; block < COLUMNS; block++)
        mean[block] = squares[block] = 0;
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        global stored *image = y + (size_t)at.image * h * w * o;
        local const float *m_tile = m + t * WIDTH;
        for (int block = 0; block < COLUMNS; block++) {
            vec offset = has_bias ? VLOAD(block, bias) : (vec)0, values[TILE * TILE];
            TRANSFORM(output_transform, ALPHA, TILE, row, column,
                      LOCAL_LOAD(block, m_tile + POINT(row, column) * points), value,
                      values[row * TILE + column] = value + offset)
            UNROLL for (int i = 0; i < TILE * TILE; i++)
                STORE_PIXEL(values[i], image, at.top + i / TILE, at.left + i % TILE, h, w, o, block);
            if (has_partial)
                join_values(values, TILE * TILE, t, &mean[block], &squares[block]);
        }
    }
    if (has_partial)
        for (int block = 0; block < COLUMNS; block++)
            store_slab(count * TILE * TILE, mean[block], squares[block], block, partial, o);
}

/* ---------------------------------------------------------------------------------------------------------- fused --
 * The whole convolution in one pass over the images: a work-group transforms a group of tiles at a time. */

/* v[point][t][c] = B' x B for `count` tiles from number `first` on. */
static inline void transform_inputs(global const stored *x, int first, int count, int h, int w, int c, local float *v,
                                    int points) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, HALO);
        global const stored *image = x + (size_t)at.image * h * w * c;
        local float *v_tile = v + t * c;
        for (int block = 0; block < c / VW; block++) {
            TRANSFORM(input_transform, TILE + 2 * HALO, ALPHA, row, column,
                      LOAD_PIXEL(image, at.top + row, at.left + column, h, w, c, block), value,
                      LOCAL_STORE(value, block, v_tile + POINT(row, column) * points))
        }
    }
}

/* m[point][t][column] = sum over c of v[point][t][c] * u[point][c][column], COLUMNS vectors of columns. */
static inline void multiply_tiles(local const float *v, int v_points, int count, int c, global const float *u, int o,
                                  local float *m, int m_points) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, u += (size_t)c * o + GAP, m += m_points) {
        for (int row = 0; row < count; row += ROWS) {
            vec sum[ROWS][COLUMNS];
            local const float *line[ROWS]; /* rows beyond the last are the last one again, and are not stored */
            UNROLL for (int r = 0; r < ROWS; r++) {
                line[r] = v + min(row + r, count - 1) * c;
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    sum[r][j] = 0;
            }
            MULTIPLY(sum, c, r, k, j, line[r][k], VLOAD(j, u + (size_t)k * o))
            UNROLL for (int r = 0; r < ROWS; r++) {
                if (row + r >= count)
                    break;
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    LOCAL_STORE(sum[r][j], j, m + (row + r) * WIDTH);
            }
        }
    }
}

#if HAS(FUSED)
/* y = the convolution of x with the weights whose transform is u[point][c][o], plus bias. A job is `group` of `tiles`
 * tiles, for COLUMNS vectors of channels at a time; it is a slab of partial if has_partial is set. Local memory:
 * v[point][group][c], m[point][group][WIDTH]. */
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
#endif

/* z[point][t][o] = A dy A', like transform_inputs(). */
static inline void transform_gradients(global const stored *dy, int first, int count, int h, int w, int o,
                                       local float *z, int points) {
    for (int t = 0; t < count; t++) {
        place at = place_of(first + t, h, w, 0);
        global const stored *image = dy + (size_t)at.image * h * w * o;
        local float *z_tile = z + t * o;
        for (int block = 0; block < o / VW; block++) {
            TRANSFORM(output_transposed, TILE, ALPHA, row, column,
                      LOAD_PIXEL(image, at.top + row, at.left + column, h, w, o, block), value,
                      LOCAL_STORE(value, block, z_tile + POINT(row, column) * points))
        }
    }
}

/* du[point][c][o] = the sum over t of v[point][t][c] * z[point][t][o], added to du if `add` is set. ROWS divides c. */
static inline void multiply_transposed(local const float *v, int v_points, local const float *z, int z_points,
                                       int count, int c, int o, int add, global float *du) {
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, z += z_points, du += (size_t)c * o + GAP) {
        for (int column = 0; column < o; column += WIDTH) {
            for (int row = 0; row < c; row += ROWS) {
                global float *to = du + (size_t)row * o + column;
                vec sum[ROWS][COLUMNS];
                UNROLL for (int r = 0; r < ROWS; r++) {
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        sum[r][j] = add ? VLOAD(j, to + (size_t)r * o) : (vec)0;
                }
                MULTIPLY(sum, count, r, t, j, v[t * c + row + r], LOCAL_LOAD(j, z + t * o + column))
                UNROLL for (int r = 0; r < ROWS; r++) {
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        VSTORE(sum[r][j], j, to + (size_t)r * o);
                }
            }
        }
    }
}

#if HAS(FUSED_GRADIENT)
/* du[slab][point][c][o] = the sum over the slab's tiles of (B' x B) * (A dy A'). A job is a slab of slab_tiles tiles,
 * with a group of tiles at a time in local memory: v[point][group][c], z[point][group][o]. */
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
#endif

/* --------------------------------------------------------------------------------------------------------- sliced --
 * For transformed weights that are larger than the transformed images: a job transforms a slice of the weights, WIDTH
 * columns and `depth` of the channels c, into local memory, and multiplies all its tiles by it. The transformed images
 * are stored in panels of `depth` channels, which is what a job reads at a time. */

/* Where the weights of a slice are: for each tap `rows` rows of `words` words, `stride` words apart. The rows are
 * channels c of weight[tap][c][o], or, if `rotated` is set, channels o of weight[tap][o][c]. */
typedef struct {
    global const float *start;
    int rotated, rows, words, stride;
    size_t tap_words;
} slice;

/* The slice of `depth` channels c from number `from` on, and of WIDTH channels o from number `first` on. */
static inline slice slice_of(global const float *weight, int c, int o, int rotated, int from, int depth, int first) {
    slice across = {weight + (size_t)from * o + first, rotated, depth, WIDTH, o, (size_t)c * o};
    slice along = {weight + (size_t)first * c + from, rotated, WIDTH, depth, c, (size_t)c * o};
    return rotated ? along : across;
}

/* The number of cache lines of a row, and of all rows. */
enum { LINE_WORDS = 16 };
static inline int row_lines(slice s) {
    return (s.words + LINE_WORDS - 1) / LINE_WORDS;
}
static inline int lines(slice s) {
    return 9 * s.rows * row_lines(s);
}

/* Loads a slice into the cache. The loads follow each other closely, so that many are in flight at a time, unlike those
 * of transform_weights(). */
static inline void touch(slice s) {
    for (int tap = 0; tap < 9; tap++)
        for (int row = 0; row < s.rows; row++)
            for (int word = 0; word < s.words; word += LINE_WORDS)
                (void)*(volatile global const float *)(s.start + tap * s.tap_words + row * s.stride + word);
}

/* Prefetches a cache line, by the compiler's builtin: in PoCL, OpenCL's prefetch() does nothing. */
#if defined(__x86_64__) || defined(__aarch64__)
#define PREFETCH(p) __builtin_prefetch((const void *)(size_t)(p), 0, 1)
#else
#define PREFETCH(p)
#endif

/* Prefetches up to `count` cache lines of a slice, from number `first` on. */
static inline void prefetch_lines(slice s, int first, int count) {
    int end = min(first + count, lines(s));
    for (int line = first; line < end; line++) {
        int row = line / row_lines(s), word = line % row_lines(s) * LINE_WORDS;
        PREFETCH(s.start + row / s.rows * s.tap_words + row % s.rows * s.stride + word);
    }
}

/* u[point][k][column] = G w G' of a slice. If it is rotated, see winograd_weight_rotated(), VW divides its words. */
static inline void transform_weights(slice s, local float *u, int points) {
    touch(s);
    if (!s.rotated) {
        for (int k = 0; k < s.rows; k++) {
            global const float *weight = s.start + (size_t)k * s.stride;
            local float *u_row = u + k * WIDTH;
            for (int block = 0; block < COLUMNS; block++) {
                TRANSFORM(weight_transform, 3, ALPHA, row, column,
                          VLOAD(block, weight + TAP(row, column) * s.tap_words), value,
                          LOCAL_STORE(value, block, u_row + POINT(row, column) * points))
            }
        }
        return;
    }
    for (int start = 0; start < s.words; start += VW)
        for (int block = 0; block < COLUMNS; block++) {
            vec taps[9][VW];
            load_rotated(s.start, s.stride, s.tap_words, start, block * VW, taps);
            for (int k = 0; k < VW; k++) {
                local float *u_row = u + (start + k) * WIDTH;
                TRANSFORM(weight_transform, 3, ALPHA, row, column, taps[TAP(row, column)][k], value,
                          LOCAL_STORE(value, block, u_row + POINT(row, column) * points))
            }
        }
}

/* m[point][t][column] = the sum over k of v[point][t][k] * u[point][k][column], added to m if `add` is set. VW divides
 * depth. Meanwhile prefetches the slice `next`, an even share of it in each step. */
static inline void multiply_slice(global const float *v, size_t v_points, int count, local const float *u, int u_points,
                                  int depth, int add, local float *m, int m_points, slice next) {
    int steps = ALPHA * ALPHA * ((count + ROWS - 1) / ROWS) * (depth / VW);
    int step_lines = lines(next) / steps + 1, next_line = 0;
    for (int point = 0; point < ALPHA * ALPHA; point++, v += v_points, u += u_points, m += m_points) {
        for (int row = 0; row < count; row += ROWS) {
            vec sum[ROWS][COLUMNS];
            global const float *line[ROWS]; /* rows beyond the last are the last one again */
            local float *to[ROWS];
            UNROLL for (int r = 0; r < ROWS; r++) {
                int t = min(row + r, count - 1);
                line[r] = v + t * depth;
                to[r] = m + t * WIDTH;
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    sum[r][j] = add ? LOCAL_LOAD(j, to[r]) : (vec)0;
            }
            for (int start = 0; start < depth; start += VW, next_line += step_lines) {
                prefetch_lines(next, next_line, step_lines);
                MULTIPLY(sum, VW, r, k, j, line[r][start + k], LOCAL_LOAD(j, u + (start + k) * WIDTH))
            }
            UNROLL for (int r = 0; r < ROWS; r++) {
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    LOCAL_STORE(sum[r][j], j, to[r]);
            }
        }
    }
}

#if HAS(SLICED)
/* y = the convolution with weight[tap][c][o], plus bias, for `tiles` tiles from the first of image first_image on,
 * whose transforms are v[c / depth][point][tile][depth] = B' x B. A job computes WIDTH columns of `group` tiles;
 * columns run fastest. If has_partial is set, the tiles of a job are a slab of partial, counted from first_slab on.
 * depth divides c. Local memory: u[point][depth][WIDTH], m[point][group][WIDTH]. */
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
        int probable_column = (job + (int)get_num_groups(0)) * WIDTH % o; /* of the work-group's next job, probably */
        for (int from = 0; from < c; from += depth) {
            bool last = from + depth >= c;
            transform_weights(slice_of(weight, c, o, rotated, from, depth, column), u, u_points);
            multiply_slice(
                v + from / depth * ALPHA * ALPHA * v_points + first * depth, v_points, count, u, u_points, depth,
                from > 0, m, m_points,
                slice_of(weight, c, o, rotated, last ? 0 : from + depth, depth, last ? probable_column : column));
        }
        transform_outputs(m, m_points, first, count, h, w, o, has_bias, bias + column, y + column, has_partial,
                          SLAB(first_slab + slab, partial, o) + column);
    }
}
#endif

/* Vector `block` behind `to` = value, added to it if `add` is set. */
static inline void store_tap(vec value, int block, global float *to, int add) {
    VSTREAM(value + (add ? VLOAD(block, to) : (vec)0), block, to);
}

#if HAS(SLICED_GRADIENT)
/* dweight[tap][c][o] = G' (the sum over tiles of v * z) G, added to dweight if `add` is set, from
 * v[c / depth][point][tile][depth] = B' x B and z[o / WIDTH][point][tile][WIDTH] = A dy A'. A job computes `depth`
 * channels c, which run fastest, and WIDTH channels o. depth divides c, ROWS divides depth. Local memory:
 * du[point][depth][WIDTH].
 */
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
                UNROLL for (int r = 0; r < ROWS; r++) {
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        sum[r][j] = 0;
                }
                MULTIPLY(sum, tiles, r, t, j, v_point[(size_t)t * depth + row + r],
                         VLOAD(j, z_point + (size_t)t * WIDTH))
                UNROLL for (int r = 0; r < ROWS; r++) {
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        LOCAL_STORE(sum[r][j], j, du + point * points + (row + r) * WIDTH);
                }
            }
        }
        global float *to = dweight + (size_t)v_panel * depth * o + z_panel * WIDTH;
        for (int k = 0; k < depth; k++, to += o) {
            local const float *du_row = du + k * WIDTH;
            for (int block = 0; block < COLUMNS; block++) {
                TRANSFORM(weight_transposed, ALPHA, 3, row, column,
                          LOCAL_LOAD(block, du_row + POINT(row, column) * points), value,
                          store_tap(value, block, to + (size_t)TAP(row, column) * c * o, add))
            }
        }
    }
}
#endif
