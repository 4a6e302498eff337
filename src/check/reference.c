#include "check/reference.h"
#include "base/rng.h"
#include "ops/winograd.h"

#include <math.h>

/* ------------------------------------------------------------------------------------------------ convolutions -- */

long reference_neighbour(struct conv_shape s, size_t pixel, size_t tap) {
    long h = (long)s.h, w = (long)s.w, at = (long)pixel;
    long row = at / w % h + (long)tap / 3 - 1, column = at % w + (long)tap % 3 - 1;
    if (row < 0 || row >= h || column < 0 || column >= w)
        return -1;
    return at / (w * h) * w * h + row * w + column;
}

struct sum reference_conv(struct conv_shape s, const float *x, const float *weight, const float *bias, size_t i) {
    struct sum y = sum_of(bias ? bias[i % s.o] : 0);
    for (size_t tap = 0; tap < 9; tap++) {
        long from = reference_neighbour(s, i / s.o, tap);
        for (size_t c = 0; from >= 0 && c < s.c; c++)
            sum_add(&y, (double)x[(size_t)from * s.c + c] * weight[(tap * s.c + c) * s.o + i % s.o]);
    }
    return y;
}

/* The pixel whose tap reaches this one lies where the opposite tap of this one points. */
struct sum reference_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy, size_t i) {
    struct sum dx = {0, 0};
    for (size_t tap = 0; tap < 9; tap++) {
        long from = reference_neighbour(s, i / s.c, 8 - tap);
        for (size_t o = 0; from >= 0 && o < s.o; o++)
            sum_add(&dx, (double)dy[(size_t)from * s.o + o] * weight[(tap * s.c + i % s.c) * s.o + o]);
    }
    return dx;
}

struct sum reference_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy, size_t i) {
    struct sum dweight = {0, 0};
    size_t o = i % s.o, c = i / s.o % s.c, tap = i / s.o / s.c;
    for (size_t pixel = 0; pixel < s.n * s.h * s.w; pixel++) {
        long from = reference_neighbour(s, pixel, tap);
        if (from >= 0)
            sum_add(&dweight, (double)x[(size_t)from * s.c + c] * dy[pixel * s.o + o]);
    }
    return dweight;
}

float reference_rotated(size_t c, size_t o, const float *weight, size_t i) {
    return weight[((8 - i / o / c) * o + i % o) * c + i / o % c];
}

/* --------------------------------------------------------------------------------------------- Winograd's F(t,3) -- */

/* The matrices of the 1-D algorithm y = A' [(G g) * (B' d)], row by row: Lavin and Gray, "Fast algorithms for
 * convolutional neural networks" (2016), section 4. */
static const double bt2[] = {1, 0, -1, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 1, 0, -1};
static const double g2[] = {1, 0, 0, .5, .5, .5, .5, -.5, .5, 0, 0, 1};
static const double at2[] = {1, 1, 1, 0, 0, 1, -1, -1};
static const double bt4[] = {4, 0,  -5, 0, 1, 0, 0, -4, -4, 1,  1, 0, 0, 4, -4, -1, 1, 0,
                             0, -2, -1, 2, 1, 0, 0, 2,  -1, -2, 1, 0, 0, 4, 0,  -5, 0, 1};
static const double g4[] = {1. / 4,  0,       0,      -1. / 6, -1. / 6,  -1. / 6, -1. / 6, 1. / 6, -1. / 6,
                            1. / 24, 1. / 12, 1. / 6, 1. / 24, -1. / 12, 1. / 6,  0,       0,      1};
static const double at4[] = {1, 1, 1, 1, 1, 0, 0, 1, -1, 2, -2, 0, 0, 1, 1, 4, 4, 0, 0, 1, -1, 8, -8, 1};

/* Where d is two values between zeros that are left out of it. */
static const double bt_lone[] = {1, 1, 0, 1, 1, 0};
static const double g_lone[] = {0, 1, 0, 0, -1, 1, 1, -1, 0};
static const double at_lone[] = {1, 1, 0, 1, 0, 1};

/* By alpha: a tile of tile x tile outputs reads `halo` pixels beyond each side of them. */
static const struct winograd_form {
    size_t tile, halo;
    const double *bt, *g, *at;
} forms[] = {[WINOGRAD_LONE] = {2, 0, bt_lone, g_lone, at_lone},
             [WINOGRAD_F2] = {2, 1, bt2, g2, at2},
             [WINOGRAD_F4] = {4, 1, bt4, g4, at4}};

/* A rows x columns matrix in memory, read as it is or transposed. */
struct transform {
    const double *m;
    size_t columns, down, across;
};

static struct transform transform(const double *m, size_t columns) {
    return (struct transform){m, columns, columns, 1};
}

static struct transform transposed(const double *m, size_t rows, size_t columns) {
    return (struct transform){m, rows, 1, columns};
}

/* The factor by which element j of a square goes into element i of rows x rows of M in M'. */
static double factor(struct transform t, size_t rows, size_t i, size_t j) {
    return t.m[i / rows * t.down + j / t.columns * t.across] * t.m[i % rows * t.down + j % t.columns * t.across];
}

/* What lies in the gap between the matrices of two points: zeros, which nobody overwrites. */
static const struct sum gap = {0, 0};

/* Element i of [point][tile][channel], made of squares of images that begin halo pixels before the tile's outputs. */
static struct sum to_point(struct transform t, int alpha, struct conv_shape s, size_t channels, size_t halo,
                           const float *images, size_t i) {
    size_t side = forms[alpha].tile, tiles_w = (s.w + side - 1) / side, tiles = winograd_tiles(alpha, s.h, s.w);
    size_t words = winograd_point_words(s.n * tiles, channels), point = i / words;
    size_t channel = i % words % channels, number = i % words / channels;
    if (number >= s.n * tiles)
        return gap;
    struct sum v = {0, 0};
    for (size_t j = 0; j < t.columns * t.columns; j++) {
        long row = (long)(number % tiles / tiles_w * side + j / t.columns) - (long)halo;
        long column = (long)(number % tiles % tiles_w * side + j % t.columns) - (long)halo;
        if (row >= 0 && row < (long)s.h && column >= 0 && column < (long)s.w)
            sum_add(&v, factor(t, (size_t)alpha, point, j) *
                            images[((number / tiles * s.h + (size_t)row) * s.w + (size_t)column) * channels + channel]);
    }
    return v;
}

/* Element `column` of output i of rows * rows, made of the same element of inputs that are `step` words apart. */
static struct sum of_points(struct transform t, size_t rows, size_t step, const float *in, size_t i, size_t column) {
    struct sum out = {0, 0};
    for (size_t j = 0; j < t.columns * t.columns; j++)
        sum_add(&out, factor(t, rows, i, j) * in[j * step + column]);
    return out;
}

struct sum reference_winograd_input(int alpha, struct conv_shape s, const float *x, size_t i) {
    const struct winograd_form *f = &forms[alpha];
    return to_point(transform(f->bt, f->tile + 2 * f->halo), alpha, s, s.c, f->halo, x, i);
}

struct sum reference_winograd_gradient(int alpha, struct conv_shape s, const float *dy, size_t i) {
    const struct winograd_form *f = &forms[alpha];
    return to_point(transposed(f->at, f->tile, (size_t)alpha), alpha, s, s.o, 0, dy, i);
}

struct sum reference_winograd_output(int alpha, struct conv_shape s, const float *m, const float *bias, size_t i) {
    size_t side = forms[alpha].tile, tiles_w = (s.w + side - 1) / side, tiles = winograd_tiles(alpha, s.h, s.w);
    size_t o = i % s.o, column = i / s.o % s.w, row = i / s.o / s.w % s.h, image = i / s.o / s.w / s.h;
    size_t number = image * tiles + row / side * tiles_w + column / side;
    struct sum y = of_points(transform(forms[alpha].at, (size_t)alpha), side, winograd_point_words(s.n * tiles, s.o), m,
                             row % side * side + column % side, number * s.o + o);
    sum_add(&y, bias ? bias[o] : 0);
    return y;
}

struct sum reference_winograd_weight(int alpha, size_t c, size_t o, const float *weight, size_t i) {
    size_t words = winograd_point_words(c, o);
    if (i % words >= c * o)
        return gap;
    return of_points(transform(forms[alpha].g, 3), (size_t)alpha, c * o, weight, i / words, i % words);
}

struct sum reference_winograd_weight_gradient(int alpha, size_t c, size_t o, const float *du, size_t i) {
    return of_points(transposed(forms[alpha].g, (size_t)alpha, 3), 3, winograd_point_words(c, o), du, i / (c * o),
                     i % (c * o));
}

/* ---------------------------------------------------------------------------------------------- matrix products -- */

static size_t at(struct matrix m, size_t number, size_t row, size_t column) {
    size_t start = m.offset + number * m.step;
    return m.transposed ? start + column * m.stride + row : start + row * m.stride + column;
}

struct sum reference_gemm(size_t depth, struct matrix a_view, const float *a, struct matrix b_view, const float *b,
                          size_t number, size_t row, size_t column) {
    struct sum product = {0, 0};
    for (size_t k = 0; k < depth; k++)
        sum_add(&product, (double)a[at(a_view, number, row, k)] * b[at(b_view, number, k, column)]);
    return product;
}

/* ------------------------------------------------------------------------------------------ batch normalisation -- */

static const double epsilon = 1e-5, running_momentum = 0.1;

struct sum reference_bn_mean(const struct reference_bn *bn, size_t channel) {
    struct sum mean = {0, 0};
    for (size_t i = 0; i < bn->pixels; i++)
        sum_add(&mean, bn->x[i * bn->c + channel] / (double)bn->pixels);
    return mean;
}

static double variance(const struct reference_bn *bn, size_t channel, double mean) {
    double squares = 0;
    for (size_t i = 0; i < bn->pixels; i++)
        squares += pow(bn->x[i * bn->c + channel] - mean, 2);
    return squares / (double)bn->pixels;
}

struct sum reference_bn_inverse_deviation(const struct reference_bn *bn, size_t channel) {
    return sum_of(1 / sqrt(variance(bn, channel, reference_bn_mean(bn, channel).value) + epsilon));
}

struct sum reference_bn_running_mean(const struct reference_bn *bn, size_t channel) {
    double old = bn->running_mean[channel];
    struct sum mean = reference_bn_mean(bn, channel);
    return (struct sum){old + running_momentum * (mean.value - old), fabs(old) + mean.magnitude};
}

struct sum reference_bn_running_variance(const struct reference_bn *bn, size_t channel) {
    double old = bn->running_variance[channel], n = (double)bn->pixels;
    double unbiased = n > 1 ? variance(bn, channel, reference_bn_mean(bn, channel).value) * n / (n - 1) : 0;
    return (struct sum){old + running_momentum * (unbiased - old), fabs(old) + unbiased};
}

struct sum reference_bn_scale(const struct reference_bn *bn, size_t channel) {
    return sum_of(bn->gamma[channel] * reference_bn_inverse_deviation(bn, channel).value);
}

static struct sum shift(double beta, struct sum mean, double scale) {
    return (struct sum){beta - mean.value * scale, fabs(beta) + mean.magnitude * fabs(scale)};
}

struct sum reference_bn_shift(const struct reference_bn *bn, size_t channel) {
    return shift(bn->beta[channel], reference_bn_mean(bn, channel), reference_bn_scale(bn, channel).value);
}

struct sum reference_bn_running_scale(const struct reference_bn *bn, size_t channel) {
    return sum_of(bn->gamma[channel] / sqrt(bn->running_variance[channel] + epsilon));
}

struct sum reference_bn_running_shift(const struct reference_bn *bn, size_t channel) {
    return shift(bn->beta[channel], sum_of(bn->running_mean[channel]), reference_bn_running_scale(bn, channel).value);
}

/* ------------------------------------------------------------------------------------------------- activations -- */

/* x normalised, element i, before the rectifier. */
static struct sum scaled(const struct reference_activation *a, size_t i) {
    struct sum value = sum_of(a->x[i]);
    if (!a->scale)
        return value;
    value = sum_of((double)a->x[i] * a->scale[i % a->shape->c]);
    return sum_plus(value, a->shift[i % a->shape->c]);
}

/* Where in x the first largest of those lies that y's element i is made of. */
static size_t source(const struct reference_activation *a, size_t i) {
    size_t c = a->shape->c, w = a->shape->w, pixel = i / c;
    if (!a->shape->pool)
        return i;
    size_t corner = (pixel / w * 4 * w + pixel % w * 2) * c + i % c, best = corner;
    for (size_t tap = 1; tap < 4; tap++) {
        size_t next = corner + (tap / 2 * 2 * w + tap % 2) * c;
        if (scaled(a, next).value > scaled(a, best).value)
            best = next;
    }
    return best;
}

/* Dropout's factor for y's element i. */
static double kept(const struct reference_activation *a, size_t i) {
    const struct activation *shape = a->shape;
    size_t channel_unit = i / (shape->h * shape->w * shape->c) * shape->c + i % shape->c;
    if (shape->dropout == DROPOUT_NONE)
        return 1;
    return reference_dropout(shape->coins, shape->dropout == DROPOUT_CHANNEL ? channel_unit : i, 1).value;
}

struct sum reference_activation(const struct reference_activation *a, size_t i) {
    struct sum value = scaled(a, source(a, i));
    double factor = kept(a, i);
    return (struct sum){fmax(value.value, 0) * factor, value.magnitude * factor};
}

/* What reaches the source of y's element i. */
static double gradient_at(const struct reference_activation *a, const float *dy, size_t i) {
    return scaled(a, source(a, i)).value > 0 ? dy[i] * kept(a, i) : 0;
}

static size_t outputs(const struct reference_activation *a) {
    return a->shape->n * a->shape->h * a->shape->w * a->shape->c;
}

struct sum reference_activation_dbeta(const struct reference_activation *a, const float *dy, size_t channel) {
    struct sum dbeta = {0, 0};
    for (size_t i = channel; i < outputs(a); i += a->shape->c)
        sum_add(&dbeta, gradient_at(a, dy, i));
    return dbeta;
}

struct sum reference_activation_dgamma(const struct reference_activation *a, const float *dy, size_t channel) {
    double mean = a->mean[channel], inverse = a->inverse_deviation[channel];
    struct sum dgamma = {0, 0};
    for (size_t i = channel; i < outputs(a); i += a->shape->c) {
        double gradient = gradient_at(a, dy, i) * inverse, x = a->x[source(a, i)];
        dgamma.value += gradient * (x - mean);
        dgamma.magnitude += fabs(gradient) * (fabs(x) + fabs(mean));
    }
    return dgamma;
}

/* y's element that x's element i may be the source of. */
static size_t window(const struct activation *shape, size_t i) {
    size_t pixel = i / shape->c, w = 2 * shape->w;
    return shape->pool ? (pixel / (2 * w) * shape->w + pixel % w / 2) * shape->c + i % shape->c : i;
}

struct sum reference_activation_dx(const struct reference_activation *a, const float *dy, const struct sum *dgamma,
                                   const struct sum *dbeta, size_t i) {
    size_t target = window(a->shape, i), channel = i % a->shape->c;
    double gradient = source(a, target) == i ? gradient_at(a, dy, target) : 0;
    if (!a->scale)
        return sum_of(gradient);
    double count = (double)(outputs(a) / a->shape->c * (a->shape->pool ? 4 : 1)), scale = a->scale[channel];
    double inverse = a->inverse_deviation[channel], mean = a->mean[channel];
    double normalised = (a->x[i] - mean) * inverse, normalised_magnitude = (fabs(a->x[i]) + fabs(mean)) * inverse;
    return (struct sum){
        scale * (gradient - (dbeta[channel].value + normalised * dgamma[channel].value) / count),
        fabs(scale) *
            (fabs(gradient) + (dbeta[channel].magnitude + normalised_magnitude * dgamma[channel].magnitude) / count)};
}

/* ------------------------------------------------------------------------------------------------------- others -- */

struct sum reference_column_sum(size_t rows, size_t c, const float *x, size_t column) {
    struct sum sum = {0, 0};
    for (size_t row = 0; row < rows; row++)
        sum_add(&sum, x[row * c + column]);
    return sum;
}

struct sum reference_dropout(struct coins coins, size_t unit, double x) {
    const uint32_t key[2] = {(uint32_t)coins.seed, (uint32_t)(coins.seed >> 32)};
    unit += coins.first;
    const uint32_t counter[WINOGRAD_F2] = {(uint32_t)(unit / 4), (uint32_t)coins.step, (uint32_t)(coins.step >> 32),
                                           coins.purpose};
    uint32_t words[4];
    rng_philox(counter, key, words);
    return sum_of(words[unit % 4] >= ldexp(coins.p, 32) ? x / (1.0 - coins.p) : 0);
}

/* The softmax of a row: from its largest logit down, which is the first of several. */
struct softmax {
    size_t best;
    double sum, spread; /* of exp(logit - best); the mean distance from the best */
};

static struct softmax softmax(size_t classes, const float *logits) {
    struct softmax s = {0, 0, 0};
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[s.best])
            s.best = k;
    for (size_t k = 0; k < classes; k++)
        s.sum += exp((double)logits[k] - logits[s.best]);
    for (size_t k = 0; k < classes; k++)
        s.spread += exp((double)logits[k] - logits[s.best]) / s.sum * ((double)logits[s.best] - logits[k]);
    return s;
}

struct sum reference_loss(size_t classes, const float *logits, int32_t label, double smoothing) {
    struct softmax s = softmax(classes, logits);
    double behind = (double)logits[s.best] - logits[label], all_behind = 0;
    for (size_t k = 0; k < classes; k++)
        all_behind += (double)logits[s.best] - logits[k];
    behind += smoothing > 0 ? smoothing * (all_behind / (double)classes - behind) : 0;
    return (struct sum){log(s.sum) + behind, 1 + log(s.sum) + s.spread + behind};
}

int32_t reference_predicted(size_t classes, const float *logits, int32_t label) {
    return isnan(reference_loss(classes, logits, label, 0).value) ? -1 : (int32_t)softmax(classes, logits).best;
}

struct sum reference_dlogits(size_t n, size_t classes, const float *logits, int32_t label, double smoothing, size_t k) {
    struct softmax s = softmax(classes, logits);
    double behind = (double)logits[s.best] - logits[k], p = exp(-behind) / s.sum;
    double target = (1 - smoothing) * (k == (size_t)label) + smoothing / (double)classes;
    return (struct sum){(p - target) / (double)n, (p * (1 + s.spread + behind) + target) / (double)n};
}

struct sum reference_sgd_velocity(struct sgd sgd, double weight, double gradient, double velocity) {
    struct sum v = sum_of(sgd.momentum * velocity);
    sum_add(&v, gradient);
    sum_add(&v, sgd.weight_decay * weight);
    return v;
}

struct sum reference_sgd_weight(struct sgd sgd, double weight, double gradient, double velocity) {
    struct sum step = reference_sgd_velocity(sgd, weight, gradient, velocity);
    if (sgd.nesterov) {
        step = (struct sum){sgd.momentum * step.value, sgd.momentum * step.magnitude};
        sum_add(&step, gradient);
        sum_add(&step, sgd.weight_decay * weight);
    }
    return (struct sum){weight - sgd.lr * step.value, fabs(weight) + sgd.lr * step.magnitude};
}

enum { SIDE = 32, PLANE = SIDE * SIDE, IMAGE = 3 * PLANE };

static int reflected(int at) {
    return at < 0 ? -at : at >= SIDE ? 2 * (SIDE - 1) - at : at;
}

/* From -most to most, uniformly. */
static int offset(uint32_t word, int most) {
    return (int)((uint64_t)word * (2 * (uint64_t)most + 1) >> 32) - most;
}

static bool within(int at, uint32_t middle, int side) {
    int first = (int)(middle % SIDE) - side / 2;
    return at >= first && at < first + side;
}

struct sum reference_image(const uint8_t *pixels, const int32_t *order, size_t first, const struct augmentation *a,
                           size_t i) {
    int32_t image = order[first + i / IMAGE];
    int channel = (int)(i % 3), column = (int)(i / 3 % SIDE), row = (int)(i / (3 * SIDE) % SIDE);
    const uint32_t key[2] = {(uint32_t)a->seed, (uint32_t)(a->seed >> 32)};
    const uint32_t counter[WINOGRAD_F2] = {0, (uint32_t)image, a->epoch, RNG_AUGMENT};
    uint32_t words[4];
    rng_philox(counter, key, words);
    if (within(row, words[3] >> 16, a->cutout) && within(column, words[3] & 0xffff, a->cutout))
        return sum_of(0);
    row = reflected(row + offset(words[1], a->shift));
    column = reflected(column + offset(words[2], a->shift));
    if (a->mirror == MIRROR_ALWAYS || (a->mirror == MIRROR_BY_COIN && words[0] & 1))
        column = SIDE - 1 - column;
    struct sum x = sum_of(pixels[(size_t)image * IMAGE + (size_t)(channel * PLANE + row * SIDE + column)] / 127.5);
    sum_add(&x, -1);
    return x;
}
