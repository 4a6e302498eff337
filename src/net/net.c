#include "base/hash.h"
#include "net/net.h"
#include "ops/softmax.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static enum vggcl_err configure_layers(struct net *net, const struct layer_spec *specs, struct shape shape,
                                       const char *conv) {
    bool learnt_before = false;
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        l->spec = specs[i];
        l->type = specs[i].type;
        l->index = (int)i;
        l->in = shape;
        l->needs_dx = learnt_before;
        TRY(l->type->configure(l, net->dev, net->batch, conv, &net->scratch_words));
        learnt_before |= l->parameter_count > 0;
        shape = l->out;
    }
    net->classes = shape_count(shape);
    return VGGCL_OK;
}

static enum vggcl_err reserve_parameters(struct net *net) {
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        size_t count = parameter_count(p);
        TRY(arena_reserve(p->trained ? &net->weights : &net->working, "a parameter", count, &p->value));
        if (p->trained && net->trainable) {
            TRY(arena_reserve(&net->gradients, "a parameter's gradient", count, &p->gradient));
            TRY(arena_reserve(&net->velocities, "a parameter's velocity", count, &p->velocity));
        }
    }
    return VGGCL_OK;
}

static enum vggcl_err reserve_activations(struct net *net) {
    struct arena *a = &net->working;
    size_t largest = net->classes;
    TRY(arena_reserve(a, "the images", net->batch * shape_count(net->layers[0].in), &net->input));
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        if (!l->in_place)
            TRY(arena_reserve(a, l->spec.name, net->batch * shape_count(l->out), &l->y));
        for (int k = 0; k < LAYER_SAVED; k++)
            if (l->saved_words[k])
                TRY(arena_reserve(a, l->spec.name, l->saved_words[k], &l->saved[k]));
        raise_to(&largest, shape_count(l->out));
    }
    for (int i = 0; i < 2; i++)
        TRY(arena_reserve(a, "the gradients", net->trainable ? net->batch * largest : net->batch * net->classes,
                          &net->gradient_buffers[i]));
    return VGGCL_OK;
}

static enum vggcl_err reserve_rest(struct net *net) {
    struct arena *a = &net->working;
    TRY(arena_reserve(a, "the labels", net->batch, &net->label));
    TRY(arena_reserve(a, "the losses", net->batch, &net->loss));
    TRY(arena_reserve(a, "the predictions", net->batch, &net->predicted));
    TRY(arena_reserve(a, "the totals", 2, &net->total));
    TRY(arena_reserve(a, "the watch for losses that are not finite", 1, &net->failed));
    TRY(arena_reserve(a, "transformed weights", net->scratch_words.conv.weight, &net->scratch.conv.weight));
    TRY(arena_reserve(a, "transformed images", net->scratch_words.conv.input, &net->scratch.conv.input));
    TRY(arena_reserve(a, "transformed outputs", net->scratch_words.conv.output, &net->scratch.conv.output));
    return arena_reserve(a, "partial sums", net->scratch_words.reduction, &net->scratch.reduction);
}

static enum vggcl_err plan(struct net *net) {
    struct arena *const arenas[] = {&net->weights, &net->gradients, &net->velocities, &net->working};
    for (int i = 0; i < 4; i++) {
        size_t bytes;
        TRY(arena_plan(arenas[i], net->dev, &bytes));
        net->bytes += bytes;
    }
    return VGGCL_OK;
}

enum vggcl_err net_create(struct dev *d, const struct layer_spec *specs, size_t count, struct shape input, size_t batch,
                          const char *conv, bool trainable, struct net **created) {
    enum vggcl_err err;
    struct net *net = calloc(1, sizeof *net);
    *created = NULL;
    if (!net)
        return err_no_memory("the net", sizeof *net);
    net->dev = d;
    net->layer_count = count;
    net->batch = batch;
    net->trainable = trainable;
    net->layers = calloc(count, sizeof *net->layers);
    if (!net->layers) {
        err = err_no_memory("the layers", count * sizeof *net->layers);
        goto done;
    }
    TRY_GOTO(configure_layers(net, specs, input, conv), done);
    TRY_GOTO(reserve_parameters(net), done);
    TRY_GOTO(reserve_activations(net), done);
    TRY_GOTO(reserve_rest(net), done);
    TRY_GOTO(plan(net), done);
    *created = net;
    net = NULL;
done:
    net_free(net);
    return err;
}

/* Each layer reads where the one before it wrote; gradients go back between the two buffers. */
static void link_layers(struct net *net) {
    struct tensor at = net->input;
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        l->x = at;
        if (l->in_place)
            l->y = at;
        at = l->y;
    }
    int side = 0;
    for (size_t i = net->layer_count; i-- > 0;) {
        struct layer *l = &net->layers[i];
        l->dy = net->gradient_buffers[side];
        if (!l->in_place)
            side = !side;
        l->dx = net->gradient_buffers[side];
    }
}

enum vggcl_err net_allocate(struct net *net) {
    TRY(arena_commit(&net->weights, net->dev));
    TRY(arena_commit(&net->gradients, net->dev));
    TRY(arena_commit(&net->velocities, net->dev));
    TRY(arena_commit(&net->working, net->dev));
    link_layers(net);
    return VGGCL_OK;
}

void net_free(struct net *net) {
    if (!net)
        return;
    arena_free(&net->weights);
    arena_free(&net->gradients);
    arena_free(&net->velocities);
    arena_free(&net->working);
    free(net->layers);
    free(net);
}

enum vggcl_err net_start(struct net *net, uint64_t seed) {
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        float *values = malloc(parameter_count(p) * sizeof *values);
        if (!values)
            return err_no_memory("a parameter", parameter_count(p) * sizeof *values);
        parameter_start(p, seed, (uint32_t)i, values);
        enum vggcl_err err = parameter_write(net->dev, p, p->value, values);
        free(values);
        TRY(err);
    }
    return VGGCL_OK;
}

struct pass net_pass(const struct net *net, size_t n, bool training, uint64_t seed, uint64_t step) {
    return (struct pass){net->dev, n, training, seed, step, net->scratch};
}

enum vggcl_err net_forward(struct net *net, const struct pass *pass) {
    for (size_t i = 0; i < net->layer_count; i++)
        TRY(net->layers[i].type->forward(&net->layers[i], pass));
    return VGGCL_OK;
}

enum vggcl_err net_loss(struct net *net, const struct pass *pass) {
    TRY(softmax_cross_entropy(net->dev, pass->n, net->classes, net_logits(net), net->label, net->loss, net->predicted,
                              net->gradient_buffers[0]));
    return softmax_total(net->dev, pass->n, net->loss, net->predicted, net->label, net->total, pass->training,
                         net->failed);
}

enum vggcl_err net_backward(struct net *net, const struct pass *pass) {
    for (size_t i = net->layer_count; i-- > 0;) {
        const struct layer *l = &net->layers[i];
        if (l->needs_dx || l->parameter_count)
            TRY(l->type->backward(l, pass));
    }
    return VGGCL_OK;
}

enum vggcl_err net_update(struct net *net, struct sgd sgd) {
    for (size_t i = 0; i < net->weights.block_count; i++)
        TRY(sgd_step(net->dev, sgd, net->failed, arena_block_tensor(&net->weights, i),
                     arena_block_tensor(&net->gradients, i), arena_block_tensor(&net->velocities, i)));
    return VGGCL_OK;
}

struct tensor net_logits(const struct net *net) {
    return net->layers[net->layer_count - 1].y;
}

size_t net_parameter_count(const struct net *net) {
    size_t count = 0;
    for (size_t i = 0; i < net->layer_count; i++)
        count += (size_t)net->layers[i].parameter_count;
    return count;
}

static struct layer *layer_of(const struct net *net, size_t *i) {
    struct layer *l = net->layers;
    while (*i >= (size_t)l->parameter_count)
        *i -= (size_t)l++->parameter_count;
    return l;
}

struct parameter *net_parameter(const struct net *net, size_t i) {
    struct layer *l = layer_of(net, &i);
    return &l->parameters[i];
}

void net_parameter_name(const struct net *net, size_t i, char name[PARAMETER_NAME]) {
    const struct layer *l = layer_of(net, &i);
    snprintf(name, PARAMETER_NAME, "%s.%s", l->spec.name, l->parameters[i].suffix);
}

size_t net_trained_count(const struct net *net) {
    size_t count = 0;
    for (size_t i = 0; i < net_parameter_count(net); i++)
        if (net_parameter(net, i)->trained)
            count += parameter_count(net_parameter(net, i));
    return count;
}

/* ------------------------------------------------------------------------------------------------- looking at it -- */

static bool all_finite(const float *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

enum vggcl_err net_hash(const struct net *net, uint64_t *hash) {
    enum vggcl_err err = VGGCL_OK;
    *hash = HASH_START;
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        size_t count = parameter_count(p);
        char name[PARAMETER_NAME];
        float *values = malloc(count * sizeof *values);
        if (!values)
            return err_no_memory("a parameter", count * sizeof *values);
        err = parameter_read(net->dev, p, p->value, values);
        if (err == VGGCL_OK && !all_finite(values, count)) {
            net_parameter_name(net, i, name);
            err = err_set(VGGCL_ENUMERIC, "%s is not finite any more", name);
        }
        *hash = hash_bytes(*hash, values, count * sizeof *values);
        free(values);
        TRY(err);
    }
    return VGGCL_OK;
}

static enum vggcl_err output_finite(const struct net *net, const struct layer *l, size_t n, bool *finite) {
    size_t count = n * shape_count(l->out);
    float *values = malloc(count * sizeof *values);
    if (!values)
        return err_no_memory("a layer's output", count * sizeof *values);
    enum vggcl_err err = dev_read(net->dev, l->y, 0, count, values);
    *finite = err == VGGCL_OK && all_finite(values, count);
    free(values);
    return err;
}

enum vggcl_err net_first_not_finite(struct net *net, const struct pass *pass, const char **layer) {
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct layer *l = &net->layers[i];
        bool finite = true;
        TRY(l->type->forward(l, pass));
        TRY(output_finite(net, l, pass->n, &finite));
        *layer = l->spec.name;
        if (!finite)
            return VGGCL_OK;
    }
    *layer = "the loss";
    return VGGCL_OK;
}
