#include "check/check_activation.h"
#include "check/operators.h"
#include "base/rng.h"

#include <math.h>

/* ----------------------------------------------------------------------------------------------------- reference -- */

struct sum reference_dropout(struct dropout_mask mask, size_t unit, double x) {
    return sum_of(x * dropout_factor(mask, unit));
}

/* Element i of x * scale + shift. */
static struct sum scaled(const struct reference_activation *a, size_t i) {
    struct sum value = sum_of(a->x[i]);
    if (!a->scale)
        return value;
    value = sum_of((double)a->x[i] * a->scale[i % a->shape->c]);
    return sum_plus(value, a->shift[i % a->shape->c]);
}

/* The index in x of the element that y's element i comes from: the first of the largest in its pooling window. */
static size_t source(const struct reference_activation *a, size_t i) {
    const struct activation *shape = a->shape;
    size_t c = shape->c, w = activation_width(shape), h = activation_height(shape), row = i / (c * w);
    if (!shape->pool)
        return i;
    size_t corner = ((row / h * shape->h + row % h * 2) * shape->w + i / c % w * 2) * c + i % c, best = corner;
    for (size_t tap = 1; tap < 4; tap++) {
        size_t next = corner + (tap / 2 * shape->w + tap % 2) * c;
        if (scaled(a, next).value > scaled(a, best).value)
            best = next;
    }
    return best;
}

/* The dropout factor of y's element i. */
static double kept(const struct reference_activation *a, size_t i) {
    const struct activation *shape = a->shape;
    size_t image = i / (activation_height(shape) * activation_width(shape) * shape->c);
    size_t channel_unit = image * shape->c + i % shape->c;
    if (shape->dropout == DROPOUT_NONE)
        return 1;
    return reference_dropout(shape->mask, shape->dropout == DROPOUT_CHANNEL ? channel_unit : i, 1).value;
}

struct sum reference_activation(const struct reference_activation *a, size_t i) {
    struct sum value = scaled(a, source(a, i));
    double factor = kept(a, i);
    return (struct sum){fmax(value.value, 0) * factor, value.magnitude * factor};
}

/* The gradient that the source of y's element i gets, before normalisation. */
static double gradient_at(const struct reference_activation *a, const float *dy, size_t i) {
    return scaled(a, source(a, i)).value > 0 ? dy[i] * kept(a, i) : 0;
}

static size_t outputs(const struct reference_activation *a) {
    return a->shape->n * activation_height(a->shape) * activation_width(a->shape) * a->shape->c;
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

/* Whether x's element i is in a pooling window, and the index of y's element which that is. */
static bool window(const struct activation *shape, size_t i, size_t *target) {
    size_t c = shape->c, column = i / c % shape->w, row = i / (c * shape->w) % shape->h;
    size_t image = i / (shape->h * shape->w * c), h = activation_height(shape), w = activation_width(shape);
    *target = shape->pool ? ((image * h + row / 2) * w + column / 2) * c + i % c : i;
    return !shape->pool || (row / 2 < h && column / 2 < w);
}

struct sum reference_activation_dx(const struct reference_activation *a, const float *dy, const struct sum *dgamma,
                                   const struct sum *dbeta, size_t i) {
    const struct activation *shape = a->shape;
    size_t target, channel = i % shape->c;
    double gradient = window(shape, i, &target) && source(a, target) == i ? gradient_at(a, dy, target) : 0;
    if (!a->scale)
        return sum_of(gradient);
    double count = (double)(shape->n * shape->h * shape->w), scale = a->scale[channel];
    double inverse = a->inverse_deviation[channel], mean = a->mean[channel];
    double normalised = (a->x[i] - mean) * inverse, normalised_magnitude = (fabs(a->x[i]) + fabs(mean)) * inverse;
    return (struct sum){
        scale * (gradient - (dbeta[channel].value + normalised * dgamma[channel].value) / count),
        fabs(scale) *
            (fabs(gradient) + (dbeta[channel].magnitude + normalised_magnitude * dgamma[channel].magnitude) / count)};
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

static const struct dropout_mask test_mask = {0xFEDCBA9876543210, 0x123456789A, RNG_DROPOUT + 7, 0.4f, 0};

/* The operands of an activation. Its mean and deviation need not be those of x; the kernels do not depend on that. */
struct activation_case {
    struct activation shape;
    struct bn bn;
    struct reference_activation host;
    struct tensor x;
    size_t inputs, outputs;
};

/* Numbers whose normalised values are odd multiples of 1/128 in +-2, all different in a pooling window, so that
 * rounding changes neither which one is the largest nor a sign. Rounding to 16-bit floats changes them by less than
 * 1/1000. */
static float *distinct(struct rig *rig, const struct activation_case *f) {
    float *x = rig_zeros(rig, f->inputs * sizeof *x);
    size_t c = f->shape.c, w = f->shape.w;
    for (size_t i = 0; rig->err == VGGCL_OK && i < f->inputs; i++) {
        size_t tap = i / c % w % 2 + i / c / w % 2 * 2;
        double value = ((double)(rng_below(&rig->random, 64) * 4 + tap) - 127.5) / 64;
        x[i] = (float)(f->host.scale ? (value - f->host.shift[i % c]) / f->host.scale[i % c] : value);
    }
    return rig_stored(rig, f->inputs, x);
}

static struct activation_case *activation_case(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = rig_zeros(rig, sizeof *f);
    if (!f)
        return NULL;
    f->shape = (struct activation){s.n, s.h, s.w, s.c, check->pool, NULL, check->dropout, test_mask};
    f->shape.mask.first = (uint32_t)(3 * s.c); /* as if these images were preceded by three others in the batch */
    f->host.shape = &f->shape;
    f->outputs = outputs(&f->host);
    f->inputs = s.n * s.h * s.w * s.c;
    if (check->normalise) {
        f->host.scale = rig_floats(rig, s.c, 0.5, 2);
        f->host.shift = rig_floats(rig, s.c, -1, 1);
        f->host.mean = rig_floats(rig, s.c, -1, 1);
        f->host.inverse_deviation = rig_floats(rig, s.c, 0.5, 2);
        f->bn = (struct bn){.scale = rig_upload(rig, s.c, f->host.scale),
                            .shift = rig_upload(rig, s.c, f->host.shift),
                            .mean = rig_upload(rig, s.c, f->host.mean),
                            .inverse_deviation = rig_upload(rig, s.c, f->host.inverse_deviation)};
        f->shape.bn = &f->bn;
    }
    f->host.x = distinct(rig, f);
    f->x = rig_upload_stored(rig, f->inputs, f->host.x);
    return f;
}

static void activate(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = activation_case(rig, check, s);
    struct tensor y = rig_poisoned_stored(rig, f ? f->outputs : 0);
    RIG_RUN(rig, activation_forward(rig->dev, &f->shape, f->x, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 4, i, reference_activation(&f->host, i));
}

static void activation_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    struct activation_case *f = activation_case(rig, check, s);
    size_t outputs = f ? f->outputs : 0, inputs = f ? f->inputs : 0;
    float *dy = rig_activations(rig, outputs);
    struct tensor dgamma = rig_poisoned(rig, s.c), dbeta = rig_poisoned(rig, s.c);
    struct tensor dx = rig_poisoned_stored(rig, inputs);
    struct tensor gradient = rig_upload_stored(rig, outputs, dy);
    struct tensor workspace = rig_poisoned(rig, f ? activation_workspace(rig->dev, &f->shape) : 0);
    RIG_RUN(rig, activation_backward(rig->dev, &f->shape, f->x, gradient, dgamma, dbeta, dx, workspace));
    double roundings = 2; /* of the dropout factor */
    struct sum *dgammas = rig_zeros(rig, s.c * sizeof *dgammas), *dbetas = rig_zeros(rig, s.c * sizeof *dbetas);
    if (rig->err == VGGCL_OK && f->shape.bn) {
        for (size_t k = 0; k < s.c; k++) {
            dgammas[k] = reference_activation_dgamma(&f->host, dy, k);
            dbetas[k] = reference_activation_dbeta(&f->host, dy, k);
        }
        roundings = sum_roundings((double)(outputs / s.c)) + 8; /* a few operations besides the sums */
        RIG_COMPARE(rig, "dbeta", RIG_FLOATS, dbeta, roundings, k, dbetas[k]);
        RIG_COMPARE(rig, "dgamma", RIG_FLOATS, dgamma, roundings, k, dgammas[k]);
    }
    RIG_COMPARE(rig, "dx", RIG_FLOATS, dx, roundings, i, reference_activation_dx(&f->host, dy, dgammas, dbetas, i));
}

static bool fits(const struct check *check, const struct layer_spec *spec) {
    enum dropout dropout = spec->p > 0 ? spec->dropout : DROPOUT_NONE;
    return spec->bn == check->normalise && spec->pool == check->pool && dropout == check->dropout;
}

#define ACTIVATION_PASS(title, of_kernels, how, normalised, pooled, dropped)                                           \
    {.name = title,                                                                                                    \
     .kernels = of_kernels,                                                                                            \
     .layer = "activation",                                                                                            \
     .uses = IMAGES,                                                                                                   \
     .run = how,                                                                                                       \
     .normalise = normalised,                                                                                          \
     .pool = pooled,                                                                                                   \
     .dropout = dropped,                                                                                               \
     .fits = fits}
#define ACTIVATION(name, ...)                                                                                          \
    ACTIVATION_PASS(name, "activation/activation_forward", activate, __VA_ARGS__),                                     \
        ACTIVATION_PASS(name " gradient", "activation/activation_sums, activation_gradient", activation_gradient,      \
                        __VA_ARGS__)

const struct check activation_checks[] = {
    ACTIVATION("relu", false, false, DROPOUT_NONE),
    ACTIVATION("relu, element dropout", false, false, DROPOUT_ELEMENT),
    ACTIVATION("relu, channel dropout", false, false, DROPOUT_CHANNEL),
    ACTIVATION("relu, pooling", false, true, DROPOUT_NONE),
    ACTIVATION("relu, pooling, element dropout", false, true, DROPOUT_ELEMENT),
    ACTIVATION("bn, relu", true, false, DROPOUT_NONE),
    ACTIVATION("bn, relu, element dropout", true, false, DROPOUT_ELEMENT),
    ACTIVATION("bn, relu, channel dropout", true, false, DROPOUT_CHANNEL),
    ACTIVATION("bn, relu, pooling", true, true, DROPOUT_NONE),
    ACTIVATION("bn, relu, pooling, element dropout", true, true, DROPOUT_ELEMENT),
    {0},
};
