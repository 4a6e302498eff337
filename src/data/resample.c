#include "data/resample.h"

#include <math.h>
#include <stdlib.h>

enum { PRECISION = 22 }; /* bits after the point of a weight */

/* The weights of one output sample: of the input samples first .. first + count - 1. */
struct window {
    size_t first, count;
    const uint32_t *weights; /* [count], their sum is 1 << PRECISION, except for rounding */
};

struct filter {
    struct window *windows; /* [count] */
    size_t count;
    uint32_t *weights; /* of all windows */
};

struct resampler {
    struct filter x, y;
    size_t bands, row;           /* row: the next one of the input */
    size_t first_row, row_count; /* the input rows that any output row uses */
    uint8_t *rows;               /* [row_count][x.count][bands]: they, scaled along x */
};

/* ------------------------------------------------------------------------------------------------ the weights -- */

static double triangle(double x) {
    return fmax(0, 1 - fabs(x));
}

/* The window of the output sample i; its weights are w[0 .. count - 1]. */
static struct window window_at(const struct resample_axis *axis, size_t i, uint32_t *w) {
    double scale = axis->extent / (double)axis->output, radius = fmax(1, scale), centre = ((double)i + 0.5) * scale;
    double begin = fmax(0, centre - radius + 0.5), end = fmin((double)axis->input, centre + radius + 0.5), sum = 0;
    struct window window = {.first = (size_t)begin, .count = (size_t)end - (size_t)begin, .weights = w};
    for (size_t k = 0; k < window.count; k++)
        sum += triangle(((double)(window.first + k) + 0.5 - centre) / radius);
    for (size_t k = 0; k < window.count; k++) {
        double weight = triangle(((double)(window.first + k) + 0.5 - centre) / radius) / sum;
        w[k] = (uint32_t)(weight * (1 << PRECISION) + 0.5);
    }
    return window;
}

static enum vggcl_err filter_new(const struct resample_axis *axis, struct filter *f) {
    size_t most = 2 * (size_t)ceil(fmax(1, axis->extent / (double)axis->output)) + 1;
    f->count = axis->count;
    f->windows = malloc(axis->count * sizeof *f->windows);
    f->weights = malloc(axis->count * most * sizeof *f->weights);
    if (!f->windows || !f->weights)
        return err_no_memory("the weights of a picture's samples", axis->count * most * sizeof *f->weights);
    for (size_t i = 0; i < axis->count; i++)
        f->windows[i] = window_at(axis, axis->first + i, f->weights + i * most);
    return VGGCL_OK;
}

enum vggcl_err resampler_new(const struct resample_axis *x, const struct resample_axis *y, size_t bands,
                             struct resampler **result) {
    enum vggcl_err err;
    struct resampler *r = *result = calloc(1, sizeof *r);
    if (!r)
        return err_no_memory("a picture's scaling", sizeof *r);
    r->bands = bands;
    TRY_GOTO(filter_new(x, &r->x), failed);
    TRY_GOTO(filter_new(y, &r->y), failed);
    const struct window *last = &r->y.windows[y->count - 1];
    r->first_row = r->y.windows[0].first;
    r->row_count = last->first + last->count - r->first_row;
    r->rows = malloc(r->row_count * x->count * bands);
    if (r->rows)
        return VGGCL_OK;
    err = err_no_memory("a picture's rows", r->row_count * x->count * bands);
failed:
    resampler_free(r);
    *result = NULL;
    return err;
}

void resampler_free(struct resampler *r) {
    if (!r)
        return;
    free(r->x.windows);
    free(r->x.weights);
    free(r->y.windows);
    free(r->y.weights);
    free(r->rows);
    free(r);
}

/* ------------------------------------------------------------------------------------------------- the samples -- */

/* The weighted mean of samples that lie `stride` bytes apart. */
static uint8_t mean(const struct window *window, const uint8_t *samples, size_t stride) {
    uint32_t sum = 1 << (PRECISION - 1);
    for (size_t k = 0; k < window->count; k++)
        sum += window->weights[k] * samples[k * stride];
    sum >>= PRECISION;
    return sum > 255 ? 255 : (uint8_t)sum;
}

void resampler_add_row(struct resampler *r, const uint8_t *row) {
    size_t used = r->row++ - r->first_row; /* wraps around before the first row that is used */
    if (used >= r->row_count)
        return;
    uint8_t *out = r->rows + used * r->x.count * r->bands;
    for (size_t i = 0; i < r->x.count; i++)
        for (size_t band = 0; band < r->bands; band++)
            *out++ = mean(&r->x.windows[i], row + r->x.windows[i].first * r->bands + band, r->bands);
}

void resampler_finish(const struct resampler *r, uint8_t *out) {
    size_t row_bytes = r->x.count * r->bands;
    for (size_t i = 0; i < r->y.count; i++) {
        const uint8_t *rows = r->rows + (r->y.windows[i].first - r->first_row) * row_bytes;
        for (size_t k = 0; k < row_bytes; k++)
            *out++ = mean(&r->y.windows[i], rows + k, row_bytes);
    }
}
