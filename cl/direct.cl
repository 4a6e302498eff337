/* direct.cl - 3x3 convolution of images with few channels, without a transform. The sums of VW neighbouring outputs,
 * for a run of PIXELS pixels, are kept in registers. CHANNELS is a constant, so that the loops over it can be unrolled.
 */

#ifndef CHANNELS
#define CHANNELS 3 /* of the input */
#endif
#ifndef PIXELS
#define PIXELS 4 /* of a row, in a run */
#endif
#ifndef COLUMNS
#define COLUMNS 1 /* vectors of outputs that a work-item computes for each pixel */
#endif

/* For loops that are unrolled if there are few sums, so that arrays are kept in registers: a GPU has no cache for them.
 */
#define FEW (PIXELS * COLUMNS <= 4)
#if FEW
#define UNROLL_FEW UNROLL
#else
#define UNROLL_FEW
#endif

enum { SPAN = (PIXELS + 2) * CHANNELS, TAP_ROW = 3 * CHANNELS };

/* The input of a run of pixels from (row, column) on: three rows of x with their neighbours, 0 outside the image. */
static inline void load_neighbours(global const stored *image, int h, int w, int row, int column, float in[3][SPAN]) {
    UNROLL_FEW for (int r = 0; r < 3; r++) {
        int from = row + r - 1, inside = from >= 0 && from < h;
        global const stored *line = image + ((size_t)(inside ? from : 0) * w + column - 1) * CHANNELS;
        UNROLL_FEW for (int p = 0; p < PIXELS + 2; p++) {
            UNROLL_FEW for (int c = 0; c < CHANNELS; c++) {
                int at = column - 1 + p;
                in[r][p * CHANNELS + c] = inside && at >= 0 && at < w ? ALOAD1(p * CHANNELS + c, line) : 0.0f;
            }
        }
    }
}

/* y[pixel][o] = bias[o] + the sum over tap and c of x[neighbour][c] * weight[tap][c][o]. A work-item computes COLUMNS *
 * VW outputs of a slab: slab_runs runs of PIXELS pixels of the n * h rows. If has_partial is set, which needs rows of
 * whole runs, it also writes the slab's statistics (common.cl). */
kernel void direct_forward(global const stored *x, int rows, int h, int w, int o, int slab_runs,
                           global const float *weight, int has_bias, global const float *bias, global stored *y,
                           int has_partial, global float *partial) {
    int blocks = o / (VW * COLUMNS), row_runs = (w + PIXELS - 1) / PIXELS, i = get_global_id(0);
    int slab = i / blocks, first = slab * slab_runs, last = min(first + slab_runs, rows * row_runs);
    if (first >= last)
        return;
    vec mean[COLUMNS], squares[COLUMNS];
    UNROLL for (int j = 0; j < COLUMNS; j++)
        mean[j] = squares[j] = 0;
    weight += i % blocks * (VW * COLUMNS);
    bias += i % blocks * (VW * COLUMNS);
    y += i % blocks * (VW * COLUMNS);
    for (int run = first; run < last; run++) {
        int line = run / row_runs, column = run % row_runs * PIXELS;
        float in[3][SPAN];
        load_neighbours(x + (size_t)(line / h) * h * w * CHANNELS, h, w, line % h, column, in);
        vec sum[COLUMNS][PIXELS];
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            UNROLL for (int p = 0; p < PIXELS; p++)
                sum[j][p] = has_bias ? VLOAD(j, bias) : (vec)0;
        }
        UNROLL_FEW for (int r = 0; r < 3; r++) {
            UNROLL for (int k = 0; k < TAP_ROW; k++) {
                vec factor[COLUMNS];
                UNROLL for (int j = 0; j < COLUMNS; j++)
                    factor[j] = VLOAD(j, weight + (size_t)(r * TAP_ROW + k) * o);
                UNROLL for (int p = 0; p < PIXELS; p++) {
                    vec value = in[r][p * CHANNELS + k];
                    UNROLL for (int j = 0; j < COLUMNS; j++)
                        sum[j][p] = MAD(value, factor[j], sum[j][p]);
                }
            }
        }
        UNROLL for (int p = 0; p < PIXELS; p++) {
            if (column + p >= w)
                break;
            UNROLL for (int j = 0; j < COLUMNS; j++)
                ASTORE(sum[j][p], j, y + ((size_t)line * w + column + p) * o);
        }
        if (has_partial) {
            UNROLL for (int j = 0; j < COLUMNS; j++)
                join_values(sum[j], PIXELS, run - first, &mean[j], &squares[j]);
        }
    }
    if (!has_partial)
        return;
    partial = SLAB(slab, partial, o) + i % blocks * (VW * COLUMNS);
    UNROLL for (int j = 0; j < COLUMNS; j++)
        store_slab((last - first) * PIXELS, mean[j], squares[j], j, partial, o);
}

/* partial[slab][tap][c][o] = the sum over the slab's pixels of x[neighbour][c] * dy[pixel][o]. A slab is slab_rows of
 * the n * h rows. A work-item has COLUMNS * VW outputs of a slab; it adds a run of pixels to the sums of one vector,
 * which are in registers meanwhile, and then to those of the next. */
kernel void direct_gradient(global const stored *x, global const stored *dy, int rows, int h, int w, int o,
                            int slab_rows, global float *partial) {
    int blocks = o / (VW * COLUMNS), i = get_global_id(0), slab = i / blocks;
    int last = min((slab + 1) * slab_rows, rows);
    if (slab * slab_rows >= rows)
        return;
    dy += i % blocks * (VW * COLUMNS);
    partial += (size_t)slab * 3 * TAP_ROW * o + i % blocks * (VW * COLUMNS);
    vec sums[COLUMNS][3 * TAP_ROW];
    UNROLL_FEW for (int j = 0; j < COLUMNS; j++) {
        UNROLL_FEW for (int k = 0; k < 3 * TAP_ROW; k++)
            sums[j][k] = 0;
    }
    for (int line = slab * slab_rows; line < last; line++) {
        global const stored *image = x + (size_t)(line / h) * h * w * CHANNELS;
        for (int column = 0; column < w; column += PIXELS) {
            float in[3][SPAN];
            load_neighbours(image, h, w, line % h, column, in);
            UNROLL_FEW for (int j = 0; j < COLUMNS; j++) {
                vec sum[3 * TAP_ROW];
                UNROLL for (int k = 0; k < 3 * TAP_ROW; k++)
                    sum[k] = sums[j][k];
                UNROLL_FEW for (int p = 0; p < PIXELS && (FEW || column + p < w); p++) {
                    int there = column + p < w;
                    vec gradient = there ? ALOAD(j, dy + ((size_t)line * w + column + p) * o) : (vec)0;
                    UNROLL for (int k = 0; k < 3 * TAP_ROW; k++) {
                        vec value = in[k / TAP_ROW][p * CHANNELS + k % TAP_ROW];
                        sum[k] = MAD(value, gradient, sum[k]);
                    }
                }
                UNROLL for (int k = 0; k < 3 * TAP_ROW; k++)
                    sums[j][k] = sum[k];
            }
        }
    }
    UNROLL_FEW for (int j = 0; j < COLUMNS; j++) {
        UNROLL_FEW for (int k = 0; k < 3 * TAP_ROW; k++)
            VSTORE(sums[j][k], j, partial + (size_t)k * o);
    }
}
