#include "reference.h"

#include <math.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ convolutions -- */

long expected_neighbour(struct conv_shape s, size_t pixel, size_t tap) {
    long h = (long)s.h, w = (long)s.w, at = (long)pixel;
    long row = at / w % h + (long)tap / 3 - 1, column = at % w + (long)tap % 3 - 1;
    if (row < 0 || row >= h || column < 0 || column >= w)
        return -1;
    return at / (w * h) * w * h + row * w + column;
}

struct exact expected_conv(struct conv_shape s, const float *x, const float *weight, const float *bias) {
    size_t pixels = s.n * s.h * s.w;
    struct exact y = exact_zeros(pixels * s.o);
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        for (size_t o = 0; bias && o < s.o; o++)
            exact_add(y, pixel * s.o + o, bias[o]);
        for (size_t tap = 0; tap < 9; tap++) {
            long from = expected_neighbour(s, pixel, tap);
            for (size_t c = 0; from >= 0 && c < s.c; c++)
                for (size_t o = 0; o < s.o; o++)
                    exact_add(y, pixel * s.o + o,
                              (double)x[(size_t)from * s.c + c] * weight[(tap * s.c + c) * s.o + o]);
        }
    }
    return y;
}

struct exact expected_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy) {
    size_t pixels = s.n * s.h * s.w;
    struct exact dx = exact_zeros(pixels * s.c);
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        for (size_t tap = 0; tap < 9; tap++) {
            long from = expected_neighbour(s, pixel, tap);
            for (size_t c = 0; from >= 0 && c < s.c; c++)
                for (size_t o = 0; o < s.o; o++)
                    exact_add(dx, (size_t)from * s.c + c,
                              (double)dy[pixel * s.o + o] * weight[(tap * s.c + c) * s.o + o]);
        }
    }
    return dx;
}

struct exact expected_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy) {
    size_t pixels = s.n * s.h * s.w;
    struct exact dweight = exact_zeros(9 * s.c * s.o);
    for (size_t pixel = 0; pixel < pixels; pixel++) {
        for (size_t tap = 0; tap < 9; tap++) {
            long from = expected_neighbour(s, pixel, tap);
            for (size_t c = 0; from >= 0 && c < s.c; c++)
                for (size_t o = 0; o < s.o; o++)
                    exact_add(dweight, (tap * s.c + c) * s.o + o,
                              (double)x[(size_t)from * s.c + c] * dy[pixel * s.o + o]);
        }
    }
    return dweight;
}

float *expected_rotate(size_t c, size_t o, const float *weight) {
    float *rotated = zeros(9 * c * o * sizeof *rotated);
    for (size_t tap = 0; tap < 9; tap++)
        for (size_t from = 0; from < c; from++)
            for (size_t to = 0; to < o; to++)
                rotated[(tap * c + from) * o + to] = weight[((8 - tap) * o + to) * c + from];
    return rotated;
}

/* --------------------------------------------------------------------------------------------- Winograd's F(t,3) -- */

/* Lavin and Gray, "Fast algorithms for convolutional neural networks" (2016), section 4. */
static const double bt2[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1};
static const double g2[] = {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1};
static const double at2[] = {1, 1, 1, 0, 0, 1, -1, -1};
static const double bt4[] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                             0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const double g4[] = {1. / 4,  0,       0,      -1. / 6, -1. / 6,  -1. / 6, -1. / 6, 1. / 6, -1. / 6,
                            1. / 24, 1. / 12, 1. / 6, 1. / 24, -1. / 12, 1. / 6,  0,       0,      1};
static const double at4[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0, 0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

void expected_winograd(int t, enum winograd_matrix which, const double *in, double *out, double *magnitude) {
    bool transposed = which == WINOGRAD_GT || which == WINOGRAD_A;
    int alpha = t + 2, rows = alpha, columns = alpha;
    const double *m = t == 2 ? bt2 : bt4;
    if (which == WINOGRAD_G || which == WINOGRAD_GT) {
        m = t == 2 ? g2 : g4;
        columns = 3;
    } else if (which == WINOGRAD_A || which == WINOGRAD_AT) {
        m = t == 2 ? at2 : at4;
        rows = t;
    }
    int down = columns, across = 1; /* how far apart m's rows and columns lie in its array */
    if (transposed) {
        down = 1;
        across = columns;
        int swap = rows;
        rows = columns;
        columns = swap;
    }
    for (int i = 0; i < rows * rows; i++) {
        out[i] = magnitude[i] = 0;
        for (int j = 0; j < columns * columns; j++) {
            double term = m[i / rows * down + j / columns * across] * in[j] * m[i % rows * down + j % columns * across];
            out[i] += term;
            magnitude[i] += fabs(term);
        }
    }
}

/* ---------------------------------------------------------------------------------------------- matrix products -- */

/* Where element (row, column) of what is multiplied lies. */
static size_t at(struct matrix m, size_t matrix, size_t row, size_t column) {
    size_t start = m.offset + matrix * m.step;
    return m.transposed ? start + column * m.stride + row : start + row * m.stride + column;
}

struct exact expected_gemm(size_t m, size_t n, size_t k, struct matrix a_view, const float *a, struct matrix b_view,
                           const float *b, enum gemm_add add, struct matrix c_view, size_t c_count, const float *c,
                           size_t batch) {
    struct exact made = exact_copy(c_count, c);
    for (size_t matrix = 0; matrix < batch; matrix++) {
        for (size_t row = 0; row < m; row++) {
            for (size_t column = 0; column < n; column++) {
                size_t to = at(c_view, matrix, row, column);
                made.value[to] = 0;
                if (add)
                    exact_add(made, to, c[to]);
                for (size_t depth = 0; depth < k; depth++)
                    exact_add(made, to,
                              (double)a[at(a_view, matrix, row, depth)] * b[at(b_view, matrix, depth, column)]);
            }
        }
    }
    return made;
}

/* ------------------------------------------------------------------------------------------------------- others -- */

struct exact expected_column_sum(size_t rows, size_t c, const float *x) {
    struct exact sum = exact_zeros(c);
    for (size_t i = 0; i < rows * c; i++)
        exact_add(sum, i % c, x[i]);
    return sum;
}

/* An exponent's rounding error is relative to the power: hence the magnitudes with |logit - best|. */
struct expected_softmax expected_softmax(size_t n, size_t classes, const float *logits, const int32_t *label) {
    struct expected_softmax r = {exact_zeros(n), exact_zeros(n * classes), zeros(n * sizeof(int32_t))};
    for (size_t row = 0; row < n; row++) {
        const float *z = logits + row * classes;
        size_t best = 0, right = (size_t)label[row];
        double sum = 0, spread = 0;
        for (size_t k = 1; k < classes; k++)
            if (z[k] > z[best])
                best = k;
        for (size_t k = 0; k < classes; k++)
            sum += exp((double)z[k] - z[best]);
        for (size_t k = 0; k < classes; k++)
            spread += exp((double)z[k] - z[best]) / sum * ((double)z[best] - z[k]);
        r.loss.value[row] = log(sum) + ((double)z[best] - z[right]);
        r.loss.magnitude[row] = 1 + log(sum) + spread + ((double)z[best] - z[right]);
        r.predicted[row] = isnan(r.loss.value[row]) ? -1 : (int32_t)best;
        for (size_t k = 0; k < classes; k++) {
            double p = exp((double)z[k] - z[best]) / sum;
            r.dlogits.value[row * classes + k] = (p - (k == right)) / (double)n;
            r.dlogits.magnitude[row * classes + k] =
                (p * (1 + spread + ((double)z[best] - z[k])) + (k == right)) / (double)n;
        }
    }
    return r;
}

struct expected_sgd expected_sgd(size_t count, struct sgd sgd, const float *weight, const float *gradient,
                                 const float *velocity) {
    struct expected_sgd r = {exact_zeros(count), exact_zeros(count)};
    for (size_t i = 0; i < count; i++) {
        exact_add(r.velocity, i, sgd.momentum * velocity[i]);
        exact_add(r.velocity, i, gradient[i]);
        exact_add(r.velocity, i, sgd.weight_decay * weight[i]);
        r.weight.value[i] = weight[i] - sgd.lr * r.velocity.value[i];
        r.weight.magnitude[i] = fabs(weight[i]) + sgd.lr * r.velocity.magnitude[i];
    }
    return r;
}
