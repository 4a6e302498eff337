/* kn2row.c - convolution of 2 x 2 images as a matrix product for each tap (kn2row: Anderson et al., "Low-memory
 * GEMM-based convolution algorithms", 2017); larger images are left to im2col, and 16-bit ones, which no matrix product
 * reads. Of the 9 taps' 36 pairs of pixels 16 lie within the image, as many products as Winograd's F(2x2, 3x3) takes,
 * and neither images nor weights have to be transformed. */
#include "ops/channel.h"
#include "ops/conv.h"

enum { SIDE = 2, PIXELS = SIDE * SIDE, CENTRE = 4, TAPS = 9 };

static bool can(const struct dev *d, struct conv_shape s, bool weight_gradient) {
    (void)weight_gradient;
    return s.h == SIDE && s.w == SIDE && !d->half;
}

/* Pixels, counted over all images, that a tap joins: x's number from + i * step with y's number to + i * step. */
struct run {
    size_t from, to, step, count;
};

/* A tap's runs over n images, at most two: all pixels, a column, or one pixel or a row of two in each image. */
static int runs_of(int tap, size_t n, struct run runs[2]) {
    int dy = tap / 3 - 1, dx = tap % 3 - 1, y = dy < 0, x = dx < 0, columns = dx ? 1 : SIDE;
    size_t to = (size_t)(SIDE * y + x), from = (size_t)(SIDE * (y + dy) + x + dx);
    if (dy == 0) {
        runs[0] = dx ? (struct run){from, to, SIDE, SIDE * n} : (struct run){0, 0, 1, PIXELS * n};
        return 1;
    }
    for (int i = 0; i < columns; i++)
        runs[i] = (struct run){from + (size_t)i, to + (size_t)i, PIXELS, n};
    return columns;
}

/* The rows of a [pixel][channels] tensor that a run touches, from number first on. */
static struct matrix rows(struct tensor t, size_t first, size_t step, size_t channels) {
    return (struct matrix){.data = t, .offset = first * channels, .stride = step * channels};
}

/* c x o, where rotated of weight[tap][o][c] turned by 180 degrees. */
static struct matrix tap_of(struct tensor weight, struct conv_shape s, int tap, bool rotated) {
    return (struct matrix){.data = weight,
                           .offset = (size_t)(rotated ? TAPS - 1 - tap : tap) * s.c * s.o,
                           .stride = rotated ? s.c : s.o,
                           .transposed = rotated};
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    (void)a, (void)d, (void)s;
    return (struct conv_scratch_words){0};
}

static struct gemm_shape product(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    (void)a, (void)d;
    return (struct gemm_shape){PIXELS * s.n, s.o, s.c, 1};
}

/* The centre's product reaches every pixel, so it comes first. */
static int tap_in_order(int i) {
    return i == 0 ? CENTRE : i <= CENTRE ? i - 1 : i;
}

static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct conv_scratch scratch) {
    (void)a, (void)scratch;
    if (bias.mem)
        TRY(channel_broadcast(d, PIXELS * s.n, s.o, bias, y));
    for (int i = 0; i < TAPS; i++) {
        struct run runs[2];
        int tap = tap_in_order(i), count = runs_of(tap, s.n, runs);
        for (const struct run *r = runs; r < runs + count; r++)
            TRY(gemm(d, r->count, s.o, s.c, rows(x, r->from, r->step, s.c), tap_of(weight, s, tap, rotate),
                     tap == CENTRE && !bias.mem ? GEMM_SET : GEMM_ADD, rows(y, r->to, r->step, s.o), 1));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    (void)a, (void)scratch;
    for (int tap = 0; tap < TAPS; tap++) {
        struct run runs[2];
        int count = runs_of(tap, s.n, runs);
        for (const struct run *r = runs; r < runs + count; r++) {
            struct matrix from = rows(x, r->from, r->step, s.c);
            from.transposed = true;
            TRY(gemm(d, s.c, s.o, r->count, from, rows(dy, r->to, r->step, s.o), r == runs ? GEMM_SET : GEMM_ADD,
                     tap_of(dweight, s, tap, false), 1));
        }
    }
    return VGGCL_OK;
}

const struct conv_algorithm conv_kn2row = {"kn2row",        0,   scratch_words, product, forward,
                                           weight_gradient, can, &conv_im2col};
