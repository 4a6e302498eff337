#include "check/twin.h"
#include "layers/exact.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct state {
    struct exact exact;
    double *optimiser[LAYER_PARAMETERS][OPTIMISER_STATES];
};

struct twin {
    const struct net *net;
    struct state *states;
    double *input, *block; /* the net's input; all the arrays' memory */
    size_t used;           /* of block: doubles */
};

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
        *s = (struct state){.exact = {.layer = l, .x = x, .dx = dx}};
        x = s->exact.y = take(t, net->batch * shape_count(l->out));
        dx = s->exact.dy = take(t, net->batch * shape_count(l->out));
        s->exact.mean = take(t, l->in.c);
        s->exact.inverse = take(t, l->in.c);
        for (int k = 0; k < l->parameter_count; k++) {
            count = parameter_count(&l->parameters[k]);
            s->exact.value[k] = take(t, count);
            s->exact.gradient[k] = take(t, count);
            for (int n = 0; n < net->optimiser->state_count; n++)
                s->optimiser[k][n] = take(t, count);
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
    while (i >= (size_t)s->exact.layer->parameter_count)
        i -= (size_t)s++->exact.layer->parameter_count;
    float *ordered = malloc(count * sizeof *ordered);
    if (!ordered)
        return err_no_memory("a parameter", count * sizeof *ordered);
    parameter_order(p, values, ordered);
    for (size_t k = 0; k < count; k++)
        s->exact.value[i][k] = ordered[k];
    free(ordered);
    return VGGCL_OK;
}

void twin_disturb(struct twin *t, double change) {
    struct rng r = rng_sequence(0, 0, 0);
    for (size_t i = 0; i < t->net->layer_count; i++) {
        const struct state *s = &t->states[i];
        for (int k = 0; k < s->exact.layer->parameter_count; k++)
            for (size_t j = 0; j < parameter_count(&s->exact.layer->parameters[k]); j++)
                s->exact.value[k][j] *= rng_u32(&r) & 1 ? 1 + change : 1 - change;
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
        const struct layer *l = s->exact.layer;
        for (int k = 0; k < l->parameter_count; k++)
            memset(s->exact.gradient[k], 0, parameter_count(&l->parameters[k]) * sizeof(double));
        memset(s->exact.dx, 0, pass->n * shape_count(l->in) * sizeof(double));
        if (!l->frozen)
            l->type->exact_backward(&s->exact, pass);
    }
}

/* A step of the optimiser on parameter number k of a layer. */
static void update_parameter(const struct optimiser *optimiser, const struct hyperparameters *h, const struct state *s,
                             int k) {
    for (size_t j = 0; j < parameter_count(&s->exact.layer->parameters[k]); j++) {
        struct optimised_element element = {.weight = s->exact.value[k][j]}, magnitude;
        for (int n = 0; n < optimiser->state_count; n++)
            element.state[n] = s->optimiser[k][n][j];
        optimiser->reference(h, s->exact.gradient[k][j], &element, &magnitude);
        s->exact.value[k][j] = element.weight;
        for (int n = 0; n < optimiser->state_count; n++)
            s->optimiser[k][n][j] = element.state[n];
    }
}

static void update(struct twin *t, struct hyperparameters h) {
    const struct hyperparameters of_vectors = hyperparameters_of_vectors(h);
    for (size_t i = 0; i < t->net->layer_count; i++) {
        const struct state *s = &t->states[i];
        for (int k = 0; k < s->exact.layer->parameter_count; k++) {
            const struct parameter *p = &s->exact.layer->parameters[k];
            if (p->trained)
                update_parameter(t->net->optimiser, p->layout == LAYOUT_VECTOR ? &of_vectors : &h, s, k);
        }
    }
}

double twin_step(struct twin *t, const struct pass *pass, struct hyperparameters h, const float *images,
                 const int32_t *label) {
    const struct net *net = t->net;
    const struct state *last = &t->states[net->layer_count - 1];
    double loss = 0, n = (double)pass->n;
    for (size_t i = 0; i < pass->n * shape_count(net->layers[0].in); i++)
        t->input[i] = images[i];
    for (size_t i = 0; i < net->layer_count; i++)
        net->layers[i].type->exact_forward(&t->states[i].exact, pass);
    for (size_t i = 0; i < pass->n; i++)
        loss += cross_entropy(net->classes, last->exact.y + i * net->classes, (size_t)label[i], pass->label_smoothing,
                              n, last->exact.dy + i * net->classes);
    backward(t, pass);
    update(t, h);
    return loss / n;
}
