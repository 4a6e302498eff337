#include "check/twin.h"
#include "base/rng.h"
#include "check/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A layer's arrays, laid out as the device's are; nothing is in place. */
struct state {
    const struct layer *layer;
    double *x, *y, *dx, *dy; /* x and dx are the layer's before */
    double *mean, *inverse;  /* of batch normalisation: a channel's mean and 1 / deviation */
    double *value[LAYER_PARAMETERS], *gradient[LAYER_PARAMETERS], *velocity[LAYER_PARAMETERS];
};

struct twin {
    const struct net *net;
    struct state *states;
    double *input, *block; /* the net's input; all the arrays' memory */
    size_t used;           /* of block: doubles */
};

/* ---------------------------------------------------------------------------------- convolutions, matrix products --
 * A linear layer is a convolution of one tap. */

static size_t taps(const struct layer *l) {
    return l->type == &layer_conv ? 9 : 1;
}

static long neighbour(const struct layer *l, size_t pixel, size_t tap) {
    struct conv_shape s = {0, l->in.h, l->in.w, l->in.c, l->out.c};
    return l->type == &layer_conv ? reference_neighbour(s, pixel, tap) : (long)pixel;
}

static void multiply_forward(const struct state *s, const struct pass *pass) {
    const struct layer *l = s->layer;
    size_t c = l->in.c, o = l->out.c;
    for (size_t pixel = 0; pixel < pass->n * l->out.h * l->out.w; pixel++) {
        double *y = s->y + pixel * o;
        memcpy(y, s->value[1], o * sizeof *y);
        for (size_t tap = 0; tap < taps(l); tap++) {
            long from = neighbour(l, pixel, tap);
            for (size_t i = 0; from >= 0 && i < c; i++) {
                const double *weight = s->value[0] + (tap * c + i) * o, x = s->x[(size_t)from * c + i];
                for (size_t k = 0; k < o; k++)
                    y[k] += x * weight[k];
            }
        }
    }
}

/* What one pixel's dy and one of its inputs give to the input's gradient, which is returned, and to the weights'. */
static double multiply_back(size_t o, const double *dy, double x, const double *weight, double *dweight) {
    double dx = 0;
    for (size_t k = 0; k < o; k++) {
        dx += dy[k] * weight[k];
        dweight[k] += dy[k] * x;
    }
    return dx;
}

static void multiply_backward(const struct state *s, const struct pass *pass) {
    const struct layer *l = s->layer;
    size_t c = l->in.c, o = l->out.c;
    for (size_t pixel = 0; pixel < pass->n * l->out.h * l->out.w; pixel++) {
        const double *dy = s->dy + pixel * o;
        for (size_t k = 0; k < o; k++)
            s->gradient[1][k] += dy[k];
        for (size_t tap = 0; tap < taps(l); tap++) {
            long from = neighbour(l, pixel, tap);
            for (size_t i = 0; from >= 0 && i < c; i++) {
                size_t at = (size_t)from * c + i, row = (tap * c + i) * o;
                s->dx[at] += multiply_back(o, dy, s->x[at], s->value[0] + row, s->gradient[0] + row);
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------------- activations -- */

enum { GAMMA, BETA };
static const double epsilon = 1e-5; /* of batch normalisation */

static size_t pixels_in(const struct state *s, const struct pass *pass) {
    return pass->n * s->layer->in.h * s->layer->in.w;
}

/* The element of x, less its mean, in deviations. */
static double standardised(const struct state *s, size_t i) {
    size_t channel = i % s->layer->in.c;
    return (s->x[i] - s->mean[channel]) * s->inverse[channel];
}

/* What the rectifier sees of it. */
static double normalised(const struct state *s, size_t i) {
    size_t channel = i % s->layer->in.c;
    return s->layer->spec.bn ? s->value[GAMMA][channel] * standardised(s, i) + s->value[BETA][channel] : s->x[i];
}

/* Where in x the first largest of those lies that y's element i is made of. */
static size_t source(const struct state *s, size_t i) {
    size_t c = s->layer->out.c, w = s->layer->out.w, pixel = i / c;
    if (!s->layer->spec.pool)
        return i;
    size_t corner = (pixel / w * 4 * w + pixel % w * 2) * c + i % c, best = corner;
    for (size_t tap = 1; tap < 4; tap++) {
        size_t next = corner + (tap / 2 * 2 * w + tap % 2) * c;
        if (normalised(s, next) > normalised(s, best))
            best = next;
    }
    return best;
}

/* Dropout's factor for y's element i. */
static double kept(const struct state *s, const struct pass *pass, size_t i) {
    const struct layer *l = s->layer;
    struct coins coins = {pass->seed, pass->step, RNG_DROPOUT + (uint32_t)l->index, l->spec.p, 0};
    size_t channel_unit = i / shape_count(l->out) * l->out.c + i % l->out.c;
    if (l->spec.dropout == DROPOUT_NONE || !(l->spec.p > 0))
        return 1;
    return reference_dropout(coins, l->spec.dropout == DROPOUT_CHANNEL ? channel_unit : i, 1).value;
}

static void find_statistics(const struct state *s, const struct pass *pass) {
    size_t c = s->layer->in.c, pixels = pixels_in(s, pass);
    for (size_t channel = 0; channel < c; channel++) {
        double sum = 0, squares = 0;
        for (size_t i = channel; i < pixels * c; i += c)
            sum += s->x[i];
        double mean = sum / (double)pixels;
        for (size_t i = channel; i < pixels * c; i += c)
            squares += (s->x[i] - mean) * (s->x[i] - mean);
        s->mean[channel] = mean;
        s->inverse[channel] = 1 / sqrt(squares / (double)pixels + epsilon);
    }
}

static void activation_forward_exactly(const struct state *s, const struct pass *pass) {
    if (s->layer->spec.bn)
        find_statistics(s, pass);
    for (size_t i = 0; i < pass->n * shape_count(s->layer->out); i++)
        s->y[i] = fmax(normalised(s, source(s, i)), 0) * kept(s, pass, i);
}

/* dx, which holds the gradient of what the rectifier sees, through batch normalisation. */
static void normalise_back(const struct state *s, const struct pass *pass) {
    size_t c = s->layer->in.c, pixels = pixels_in(s, pass);
    for (size_t i = 0; i < pixels * c; i++) {
        s->gradient[BETA][i % c] += s->dx[i];
        s->gradient[GAMMA][i % c] += s->dx[i] * standardised(s, i);
    }
    for (size_t i = 0; i < pixels * c; i++) {
        double mean = (s->gradient[BETA][i % c] + standardised(s, i) * s->gradient[GAMMA][i % c]) / (double)pixels;
        s->dx[i] = s->value[GAMMA][i % c] * s->inverse[i % c] * (s->dx[i] - mean);
    }
}

static void activation_backward_exactly(const struct state *s, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(s->layer->out); i++) {
        size_t from = source(s, i);
        if (normalised(s, from) > 0)
            s->dx[from] += s->dy[i] * kept(s, pass, i);
    }
    if (s->layer->spec.bn)
        normalise_back(s, pass);
}

/* ------------------------------------------------------------------------------------------------------ flatten -- */

/* Where element i of x goes: [pixel][c] to [c][pixel]. */
static size_t flattened(const struct layer *l, size_t i) {
    size_t c = l->in.c, pixels = l->in.h * l->in.w, image = i / (pixels * c), rest = i % (pixels * c);
    return (image * c + rest % c) * pixels + rest / c;
}

static void flatten_forward_exactly(const struct state *s, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(s->layer->in); i++)
        s->y[flattened(s->layer, i)] = s->x[i];
}

static void flatten_backward_exactly(const struct state *s, const struct pass *pass) {
    for (size_t i = 0; i < pass->n * shape_count(s->layer->in); i++)
        s->dx[i] = s->dy[flattened(s->layer, i)];
}

/* ---------------------------------------------------------------------------------------------------- the layers -- */

typedef void run_layer(const struct state *s, const struct pass *pass);

/* backward adds to the parameters' gradients and to dx, which start as 0. */
static const struct {
    const struct layer_type *type;
    run_layer *forward, *backward;
} kinds[] = {{&layer_conv, multiply_forward, multiply_backward},
             {&layer_linear, multiply_forward, multiply_backward},
             {&layer_activation, activation_forward_exactly, activation_backward_exactly},
             {&layer_flatten, flatten_forward_exactly, flatten_backward_exactly}};

static size_t kind_of(const struct layer *l) {
    size_t i = 0;
    while (kinds[i].type != l->type)
        i++;
    return i;
}

/* The next count doubles of the block; NULL as long as there is none, to find out how large it must be. */
static double *take(struct twin *t, size_t count) {
    t->used += count;
    return t->block ? t->block + t->used - count : NULL;
}

static void lay_out(struct twin *t) {
    const struct net *net = t->net;
    t->used = 0;
    size_t count = net->batch * shape_count(net->layers[0].in);
    double *x = t->input = take(t, count), *dx = take(t, count);
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct layer *l = &net->layers[i];
        struct state *s = &t->states[i];
        *s = (struct state){.layer = l, .x = x, .dx = dx};
        x = s->y = take(t, net->batch * shape_count(l->out));
        dx = s->dy = take(t, net->batch * shape_count(l->out));
        s->mean = take(t, l->in.c);
        s->inverse = take(t, l->in.c);
        for (int k = 0; k < l->parameter_count; k++) {
            count = parameter_count(&l->parameters[k]);
            s->value[k] = take(t, count);
            s->gradient[k] = take(t, count);
            s->velocity[k] = take(t, count);
        }
    }
}

enum vggcl_err twin_create(const struct net *net, struct twin **created) {
    enum vggcl_err err = VGGCL_OK;
    struct twin *t = calloc(1, sizeof *t);
    if (!t) {
        err = err_no_memory("a net's twin", sizeof *t);
        goto done;
    }
    t->net = net;
    t->states = calloc(net->layer_count, sizeof *t->states);
    if (!t->states) {
        err = err_no_memory("a net's twin", net->layer_count * sizeof *t->states);
        goto done;
    }
    lay_out(t);
    t->block = calloc(t->used, sizeof *t->block);
    if (!t->block) {
        err = err_no_memory("a net's twin", t->used * sizeof *t->block);
        goto done;
    }
    lay_out(t);
done:
    if (err != VGGCL_OK) {
        twin_free(t);
        t = NULL;
    }
    *created = t;
    return err;
}

void twin_free(struct twin *t) {
    if (!t)
        return;
    free(t->block);
    free(t->states);
    free(t);
}

enum vggcl_err twin_set(struct twin *t, size_t i, const float *values) {
    const struct parameter *p = net_parameter(t->net, i);
    const struct state *s = t->states;
    size_t count = parameter_count(p);
    while (i >= (size_t)s->layer->parameter_count)
        i -= (size_t)s++->layer->parameter_count;
    float *ordered = malloc(count * sizeof *ordered);
    if (!ordered)
        return err_no_memory("a parameter", count * sizeof *ordered);
    parameter_order(p, values, ordered);
    for (size_t k = 0; k < count; k++)
        s->value[i][k] = ordered[k];
    free(ordered);
    return VGGCL_OK;
}

void twin_disturb(struct twin *t, double change) {
    struct rng r = rng_sequence(0, 0, 0);
    for (size_t i = 0; i < t->net->layer_count; i++) {
        const struct state *s = &t->states[i];
        for (int k = 0; k < s->layer->parameter_count; k++)
            for (size_t j = 0; j < parameter_count(&s->layer->parameters[k]); j++)
                s->value[k][j] *= rng_u32(&r) & 1 ? 1 + change : 1 - change;
    }
}

/* ------------------------------------------------------------------------------------------------------- a step -- */

/* An image's loss, and the gradient of the mean loss by its logits. */
static double cross_entropy(size_t classes, const double *logits, size_t label, double smoothing, double images,
                            double *dlogits) {
    double largest = logits[0], sum = 0, loss = 0;
    for (size_t k = 1; k < classes; k++)
        largest = fmax(largest, logits[k]);
    for (size_t k = 0; k < classes; k++)
        sum += exp(logits[k] - largest);
    for (size_t k = 0; k < classes; k++) {
        double target = (1 - smoothing) * (k == label) + smoothing / (double)classes;
        loss += target * (log(sum) + largest - logits[k]);
        dlogits[k] = (exp(logits[k] - largest) / sum - target) / images;
    }
    return loss;
}

static void backward(struct twin *t, const struct pass *pass) {
    for (size_t i = t->net->layer_count; i-- > 0;) {
        const struct state *s = &t->states[i];
        const struct layer *l = s->layer;
        for (int k = 0; k < l->parameter_count; k++)
            memset(s->gradient[k], 0, parameter_count(&l->parameters[k]) * sizeof(double));
        memset(s->dx, 0, pass->n * shape_count(l->in) * sizeof(double));
        kinds[kind_of(l)].backward(s, pass);
    }
}

static void update(struct twin *t, struct sgd sgd) {
    for (size_t i = 0; i < t->net->layer_count; i++) {
        const struct state *s = &t->states[i];
        for (int k = 0; k < s->layer->parameter_count; k++) {
            const struct parameter *p = &s->layer->parameters[k];
            struct sgd own = sgd;
            if (sgd.spare_vectors && p->layout == LAYOUT_VECTOR)
                own.weight_decay = 0;
            for (size_t j = 0; p->trained && j < parameter_count(p); j++) {
                double w = s->value[k][j], g = s->gradient[k][j], v = s->velocity[k][j];
                s->velocity[k][j] = reference_sgd_velocity(own, w, g, v).value;
                s->value[k][j] = reference_sgd_weight(own, w, g, v).value;
            }
        }
    }
}

double twin_step(struct twin *t, const struct pass *pass, struct sgd sgd, const float *images, const int32_t *label) {
    const struct net *net = t->net;
    const struct state *last = &t->states[net->layer_count - 1];
    double loss = 0, n = (double)pass->n;
    for (size_t i = 0; i < pass->n * shape_count(net->layers[0].in); i++)
        t->input[i] = images[i];
    for (size_t i = 0; i < net->layer_count; i++)
        kinds[kind_of(t->states[i].layer)].forward(&t->states[i], pass);
    for (size_t i = 0; i < pass->n; i++)
        loss += cross_entropy(net->classes, last->y + i * net->classes, (size_t)label[i], pass->label_smoothing, n,
                              last->dy + i * net->classes);
    backward(t, pass);
    update(t, sgd);
    return loss / n;
}
