#include "gradient.h"

#include "base/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 3, DIRECTIONS = 6, REPLACEMENTS = 60 };
static const double largest_step = 1.0 / 64, smallest_step = 1.0 / 2048;

struct check {
    const char *what;
    struct net *net;
    struct pass pass;
    uint64_t kinks; /* at w */
};

/* ------------------------------------------------------------------------------------------------------- kinks -- */

/* Which units of an activation are positive, and which of its four is the largest of each pooled window. */
static uint64_t mix_activation(uint64_t fingerprint, const struct layer *l) {
    enum { SCALE = 1, SHIFT = 2 }; /* of what the layer saves */
    const float *x = download(l->x), *scale = l->spec.bn ? download(l->saved[SCALE]) : NULL;
    const float *shift = l->spec.bn ? download(l->saved[SHIFT]) : NULL;
    size_t c = l->in.c, row_words = l->in.w * c;
    for (size_t i = 0; i < IMAGES * shape_count(l->out); i++) {
        size_t column = i / c % l->out.w, row = i / (c * l->out.w) % l->out.h, image = i / shape_count(l->out),
               k = i % c;
        unsigned step = l->spec.pool ? 2 : 1, taps = step * step, best = 0;
        const float *corner = x + image * shape_count(l->in) + step * (row * row_words + column * c) + k;
        float value[4];
        for (unsigned tap = 0; tap < taps; tap++) {
            value[tap] = corner[tap / 2 * row_words + tap % 2 * c];
            value[tap] = scale ? value[tap] * scale[k] + shift[k] : value[tap];
            best = value[tap] > value[best] ? tap : best;
        }
        unsigned char digit = (unsigned char)(value[best] > 0 ? best : 4);
        fingerprint = hash_bytes(fingerprint, &digit, 1);
    }
    return fingerprint;
}

/* How all kinks stood in the last forward pass. */
static uint64_t kinks(const struct net *net) {
    uint64_t fingerprint = HASH_START;
    for (size_t i = 0; i < net->layer_count; i++) {
        if (net->layers[i].type == &layer_activation && !net->layers[i].frozen)
            fingerprint = mix_activation(fingerprint, &net->layers[i]);
    }
    return fingerprint;
}

/* ------------------------------------------------------------------------------------------------- differences -- */

static double mean_loss(const struct check *check) {
    float loss[IMAGES];
    double sum = 0;
    CHECK(net_forward(check->net, &check->pass));
    CHECK(net_loss(check->net, &check->pass));
    CHECK(dev_read(device, check->net->loss, 0, IMAGES, loss));
    for (int i = 0; i < IMAGES; i++)
        sum += loss[i];
    return sum / IMAGES;
}

/* The mean loss where p is w + step * v, rounded to floats that are left in `moved`; whether the kinks stand as at w.
 */
static bool loss_at(const struct check *check, const struct parameter *p, const float *w, const float *v, double step,
                    float *moved, double *loss) {
    for (size_t i = 0; i < p->value.count; i++)
        moved[i] = (float)(w[i] + step * v[i]);
    CHECK(dev_write(device, p->value, 0, p->value.count, moved));
    *loss = mean_loss(check);
    return kinks(check->net) == check->kinks;
}

/* The slope along v as measured and as the gradient has it; false where kinks are everywhere. */
static bool slope_along(const struct check *check, const struct parameter *p, const float *w, const float *gradient,
                        const float *v, double *measured, double *computed) {
    float *above = zeros(p->value.count * sizeof *above), *below = zeros(p->value.count * sizeof *below);
    double loss_above, loss_below;
    for (double h = largest_step; h >= smallest_step; h /= 2) {
        if (!loss_at(check, p, w, v, h, above, &loss_above) || !loss_at(check, p, w, v, -h, below, &loss_below))
            continue;
        *measured = (loss_above - loss_below) / (2 * h);
        *computed = 0;
        for (size_t i = 0; i < p->value.count; i++)
            *computed += gradient[i] * ((double)above[i] - below[i]) / (2 * h);
        return true;
    }
    return false;
}

/* The error over all directions of the gradient times factor. */
static double relative_error(const double *measured, const double *computed, double factor) {
    double error = 0, all = 0;
    for (int i = 0; i < DIRECTIONS; i++) {
        error += pow(measured[i] - factor * computed[i], 2);
        all += pow(measured[i], 2);
    }
    return sqrt(error / all);
}

/* The root of the mean square, at least 0.1: biases may be 0. */
static double scale(size_t count, const float *w) {
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += (double)w[i] * w[i];
    return fmax(sqrt(squares / (double)count), 0.1);
}

static double check_parameter(const struct check *check, const struct parameter *p, const char *name) {
    size_t count = p->value.count;
    double measured[DIRECTIONS], computed[DIRECTIONS];
    const float *w = download(p->value), *gradient = download(p->gradient);
    for (int found = 0, tried = 0; found < DIRECTIONS; tried++) {
        if (tried == DIRECTIONS + REPLACEMENTS)
            fail_msg("%s: %s: kinks in every direction", check->what, name);
        const float *v = random_normal(count, 0, scale(count, w));
        found += slope_along(check, p, w, gradient, v, &measured[found], &computed[found]);
    }
    CHECK(dev_write(device, p->value, 0, count, w));
    double error = relative_error(measured, computed, 1);
    if (!(error < GRADIENT_TOLERANCE))
        fail_msg("%s: the gradient of %s is wrong by %g of its size", check->what, name, error);
    assert_true(relative_error(measured, computed, 1.05) > GRADIENT_TOLERANCE);
    return error;
}

/* What is added to all pixels of a channel, batch normalisation takes away: the bias before it has no effect. */
static bool is_without_effect(const struct net *net, size_t layer, int parameter) {
    return parameter == 1 && layer + 1 < net->layer_count && net->layers[layer + 1].spec.bn;
}

static void check_no_gradient(const struct check *check, const struct parameter *p, const char *name) {
    const float *gradient = download(p->gradient);
    for (size_t i = 0; i < p->value.count; i++)
        if (!(fabsf(gradient[i]) < 1e-5f))
            fail_msg("%s: %s has a gradient of %g, but no effect", check->what, name, gradient[i]);
}

/* -------------------------------------------------------------------------------------------------------- a net -- */

/* Random images, labels and parameters. Biases of about +-2 keep most units of a layer far from ReLU's kink, and some
 * on the other side of it than the rest of their channel. */
static void fill(struct net *net) {
    size_t pixels = IMAGES * shape_count(net->layers[0].in);
    int32_t label[IMAGES];
    for (int i = 0; i < IMAGES; i++)
        label[i] = i * 3 % (int)net->classes;
    CHECK(dev_write_floats(device, net->input, 0, pixels, random_normal(pixels, 0, 1)));
    CHECK(dev_write(device, net->label, 0, IMAGES, label));
    CHECK(net_start(net, 1));
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        bool is_bias = strcmp(p->suffix, "bias") == 0;
        float *w = download(p->value), *noise = random_floats(p->value.count, -0.3, 0.3);
        for (size_t k = 0; k < p->value.count; k++)
            w[k] += p->layout != LAYOUT_VECTOR ? 0 : is_bias ? noise[k] + copysignf(1.8f, noise[k]) : noise[k];
        CHECK(dev_write(device, p->value, 0, p->value.count, w));
    }
}

static void check_all(struct check *check) {
    struct net *net = check->net;
    double worst = 0;
    mean_loss(check);
    check->kinks = kinks(net);
    CHECK(net_backward(net, &check->pass));
    if (interpreted())
        return; /* what Oclgrind has to say, it has said; every difference would be another pass */
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        for (int k = 0; k < l->parameter_count; k++) {
            const char *name = text("%s.%s", l->spec.name, l->parameters[k].suffix);
            if (is_without_effect(net, i, k) && !l->frozen)
                check_no_gradient(check, &l->parameters[k], name);
            else if (l->parameters[k].trained)
                worst = fmax(worst, check_parameter(check, &l->parameters[k], name));
        }
    }
    print_message("%s: gradients are right within %.1e\n", check->what, worst);
}

void check_gradients_of(const char *what, const struct layer_spec *specs, size_t count, struct shape input,
                        const char *conv, enum net_use use) {
    struct check check = {.what = text("%s, %s", what, conv)};
    CHECK(net_create(context, specs, count, input, IMAGES + 1, (const size_t[]){IMAGES, 0}, conv, use, &optimiser_sgd,
                     &check.net));
    CHECK(net_allocate(check.net));
    check.pass = net_pass(check.net, IMAGES, true, 1, 2);
    fill(check.net);
    check_all(&check);
    net_free(check.net);
}

void check_gradients(const char *what, const struct layer_spec *specs, size_t count, struct shape input,
                     const char *conv) {
    check_gradients_of(what, specs, count, input, conv, NET_TRAINS);
}
