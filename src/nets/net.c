#include "base/hash.h"
#include "nets/net.h"
#include "ops/accumulate.h"
#include "ops/average.h"
#include "ops/bn.h"
#include "ops/softmax.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMAGE_SCALE = 8 }; /* binary exponent, see loss_scale() */

static bool in_head(const struct layer *l) {
    return l->type == &layer_linear;
}

static void freeze_parameters(struct layer *l) {
    for (struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++) {
        p->frozen = true;
        p->trained = false;
    }
}

static enum vggcl_err configure_layers(struct net *net, const struct layer_spec *specs, struct shape shape,
                                       const char *conv) {
    bool learnt_before = false, frozen = net->use & NET_FREEZES;
    enum stored stored = net->context.stored;
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        l->spec = specs[i];
        l->type = specs[i].type;
        l->before = i ? l - 1 : NULL;
        l->index = (int)i;
        l->in = shape;
        l->stored = stored;
        frozen = frozen && !in_head(l);
        l->frozen = frozen;
        l->needs_dx = learnt_before;
        TRY(l->type->configure(l));
        if (l->type->choose)
            TRY(l->type->choose(l, &net->context, net->batch, conv));
        if (frozen)
            freeze_parameters(l);
        learnt_before |= l->parameter_count > 0 && !frozen;
        shape = l->out;
        stored = l->stored;
    }
    net->classes = shape_count(shape);
    return VGGCL_OK;
}

static enum vggcl_err prepare_layers(struct net *net) {
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        bool training = net->use & NET_TRAINS && !l->frozen;
        for (size_t size = 0; l->type->prepare && size < net->size_count; size++)
            TRY(l->type->prepare(l, &net->context, net->sizes[size], training, size, &net->scratch_words));
    }
    return VGGCL_OK;
}

/* The steps of a pass, for arena_reserve_during(): layer i's forward pass is step i, the loss is step layer_count.
 * Returns the step of layer i's backward pass. */
static size_t backward_step(const struct net *net, size_t i) {
    return 2 * net->layer_count - i;
}

/* Reserves the tensors for training parameter p of layer number `layer`. With NET_ACCUMULATES, a gradient is added to
 * the step's sum right after its layer's backward pass, and needed in this step only. Exceptions: gradients that the
 * backward pass does not write must stay 0, and with NET_COLLECTS gradients of other devices are stored in the same
 * tensors. */
static enum vggcl_err reserve_training(struct net *net, struct parameter *p, size_t layer) {
    size_t count = parameter_count(p), step = backward_step(net, layer);
    bool at_once = net->use & NET_ACCUMULATES && !(net->use & NET_COLLECTS) && !p->untouched;
    struct arena *a = net->arenas;
    if (!p->trained)
        return arena_reserve(&a[NET_BATCH_STATISTICS], "a batch's statistic", count, &p->gradient);
    TRY(arena_reserve_during(&a[NET_GRADIENTS], "a parameter's gradient", count, at_once ? step : 0,
                             at_once ? step : SIZE_MAX, &p->gradient));
    if (net->use & NET_ACCUMULATES)
        TRY(arena_reserve(&a[NET_ACCUMULATED], "a parameter's accumulated gradient", count, &p->accumulated));
    for (int k = 0; k < net->optimiser->state_count; k++)
        TRY(arena_reserve(&a[NET_STATES + k], "a parameter's optimiser state", count, &p->state[k]));
    return VGGCL_OK;
}

static enum vggcl_err reserve_parameter(struct net *net, struct parameter *p, size_t layer) {
    size_t count = parameter_count(p);
    struct arena *a = net->arenas;
    if (p->frozen)
        return arena_reserve(&a[NET_FROZEN], "a frozen parameter", count, &p->value);
    TRY(arena_reserve(&a[p->trained ? NET_WEIGHTS : NET_STATISTICS], "a parameter", count, &p->value));
    if (net->use & NET_TRAINS)
        TRY(reserve_training(net, p, layer));
    if (net->use & NET_AVERAGES)
        TRY(arena_reserve(&a[p->trained ? NET_AVERAGED_WEIGHTS : NET_AVERAGED_STATISTICS], "a parameter's average",
                          count, &p->average));
    return VGGCL_OK;
}

/* Reserves vectors after all other parameters, because the optimiser may treat them differently. */
static enum vggcl_err reserve_parameters(struct net *net) {
    for (int vectors = 0; vectors < 2; vectors++) {
        for (size_t i = 0; i < net->layer_count; i++) {
            struct layer *l = &net->layers[i];
            for (struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++)
                if ((p->layout == LAYOUT_VECTOR) == vectors)
                    TRY(reserve_parameter(net, p, i));
        }
        if (!vectors)
            arena_mark(&net->arenas[NET_WEIGHTS]);
    }
    return VGGCL_OK;
}

/* The first layer after i that does not work in place: it reads layer i's output last. layer_count (the loss) if there
 * is none. */
static size_t reader(const struct net *net, size_t i) {
    do
        i++;
    while (i < net->layer_count && net->layers[i].in_place);
    return i;
}

/* The last step that needs what layer i's forward pass has stored. */
static size_t last_use(const struct net *net, size_t i) {
    size_t next = reader(net, i);
    if (next == net->layer_count)
        return SIZE_MAX; /* the logits stay valid */
    if (!(net->use & NET_TRAINS) || net->layers[next].frozen)
        return next;
    return backward_step(net, net->layers[i].frozen ? next : i);
}

static enum vggcl_err reserve_activations(struct net *net) {
    struct arena *a = &net->arenas[NET_ACTIVATIONS];
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        size_t until = last_use(net, i);
        if (!l->in_place)
            TRY(arena_reserve_activation(a, l->spec.name, net->batch * shape_count(l->out), l->stored, i, until,
                                         &l->y));
        for (int k = 0; k < LAYER_SAVED; k++)
            if (l->saved_words[k])
                TRY(arena_reserve_during(a, l->spec.name, l->saved_words[k], i, until, &l->saved[k]));
    }
    return VGGCL_OK;
}

static bool has_backward(const struct layer *l) {
    return !l->frozen && (l->needs_dx || l->parameter_count);
}

/* Reserves the gradient of each layer's output, from the step that computes it to the layer's own backward step. */
static enum vggcl_err reserve_activation_gradients(struct net *net) {
    struct arena *a = &net->arenas[NET_ACTIVATIONS];
    for (size_t i = net->layer_count; i-- > 0;) {
        struct layer *l = &net->layers[i];
        size_t next = reader(net, i);
        bool learns = net->use & NET_TRAINS && has_backward(l);
        if (!l->in_place && (learns || next == net->layer_count))
            TRY(arena_reserve_activation(a, "a gradient", net->batch * shape_count(l->out), l->stored,
                                         backward_step(net, next), backward_step(net, i), &l->dy));
    }
    return VGGCL_OK;
}

/* Scratch memory for making the input, before the first layer's forward pass. It comes after all other activations, so
 * that it gets memory that they leave free at that time. */
static enum vggcl_err reserve_grey(struct net *net) {
    return arena_reserve_during(&net->arenas[NET_ACTIVATIONS], "the grey of the images' rows",
                                2 * net->batch * net->layers[0].in.h, 0, 0, &net->grey);
}

static enum vggcl_err reserve_scratch(struct net *net) {
    struct arena *a = &net->arenas[NET_SCRATCH];
    TRY(arena_reserve(a, "transformed weights", net->scratch_words.conv.weight, &net->scratch.conv.weight));
    TRY(arena_reserve(a, "transformed images", net->scratch_words.conv.input, &net->scratch.conv.input));
    TRY(arena_reserve(a, "transformed outputs", net->scratch_words.conv.output, &net->scratch.conv.output));
    TRY(arena_reserve(a, "partial products", net->scratch_words.conv.product, &net->scratch.conv.product));
    return arena_reserve(a, "partial sums", net->scratch_words.reduction, &net->scratch.reduction);
}

static enum vggcl_err reserve_rest(struct net *net) {
    struct arena *a = &net->arenas[NET_REST];
    TRY(arena_reserve_activation(a, "the images", net->batch * shape_count(net->layers[0].in), net->context.stored, 0,
                                 SIZE_MAX, &net->input));
    TRY(arena_reserve(a, "the logits of another view", net->batch * net->classes, &net->other_logits));
    TRY(arena_reserve(a, "the labels", net->batch, &net->label));
    TRY(arena_reserve(a, "the partners' labels", net->batch, &net->partner_label));
    if (net->use & NET_WEIGHS)
        TRY(arena_reserve(a, "the class weights", net->classes, &net->class_weight));
    TRY(arena_reserve(a, "the losses", net->batch, &net->loss));
    TRY(arena_reserve(a, "the predictions", net->batch, &net->predicted));
    TRY(arena_reserve(a, "the totals", 2, &net->total));
    return arena_reserve(a, "the flag for losses that are not finite", 1, &net->failed);
}

static enum vggcl_err plan(struct net *net) {
    for (int i = 0; i < NET_GROUPS; i++) {
        TRY(arena_plan(&net->arenas[i], net->dev, &net->group_bytes[i]));
        net->bytes += net->group_bytes[i];
    }
    return VGGCL_OK;
}

/* A layer's x is the previous layer's y, and its dx the previous layer's dy. */
static void link_layers(struct net *net) {
    struct tensor at = net->input, gradient = {0};
    for (size_t i = 0; i < net->layer_count; i++) {
        struct layer *l = &net->layers[i];
        l->x = at;
        l->dx = gradient;
        if (l->in_place) {
            l->y = l->x;
            l->dy = l->dx;
        }
        at = l->y;
        gradient = l->dy;
    }
}

/* The index of n in net->sizes; size_count if it is not there. */
static size_t size_of(const struct net *net, size_t n) {
    size_t i = 0;
    while (i < net->size_count && net->sizes[i] != n)
        i++;
    return i;
}

static void take_sizes(struct net *net, const size_t *others) {
    net->sizes[net->size_count++] = net->batch;
    for (; others && *others && net->size_count < LAYER_SIZES; others++)
        if (size_of(net, *others) == net->size_count)
            net->sizes[net->size_count++] = *others;
}

/* Where size_t has 32 bits, the elements of a batch may be more than it holds, which the arenas cannot see. */
static enum vggcl_err check_batch(const struct net *net) {
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct layer *l = &net->layers[i];
        uint64_t bytes = 4ULL * net->batch * shape_count(l->out);
        if (bytes > SIZE_MAX)
            return err_set(VGGCL_ENOMEM,
                           "%s needs %llu bytes in one piece, more than a 32-bit program can address; set mem-limit, "
                           "or use a smaller batch",
                           l->spec.name, (unsigned long long)bytes);
    }
    return VGGCL_OK;
}

enum vggcl_err net_create(const struct context *context, const struct layer_spec *specs, size_t count,
                          struct shape input, size_t batch, const size_t *others, const char *conv, enum net_use use,
                          const struct optimiser *optimiser, struct net **created) {
    enum vggcl_err err;
    struct net *net = calloc(1, sizeof *net);
    *created = NULL;
    if (!net)
        return err_no_memory("the net", sizeof *net);
    net->dev = context->dev;
    net->context = *context;
    net->layer_count = count;
    net->batch = batch;
    net->use = use;
    net->optimiser = optimiser;
    net->normalisation = normalisation_half;
    take_sizes(net, others);
    net->layers = calloc(count, sizeof *net->layers);
    if (!net->layers) {
        err = err_no_memory("the layers", count * sizeof *net->layers);
        goto done;
    }
    TRY_GOTO(configure_layers(net, specs, input, conv), done);
    TRY_GOTO(check_batch(net), done);
    TRY_GOTO(prepare_layers(net), done);
    TRY_GOTO(reserve_parameters(net), done);
    TRY_GOTO(reserve_activations(net), done);
    TRY_GOTO(reserve_activation_gradients(net), done);
    TRY_GOTO(reserve_grey(net), done);
    TRY_GOTO(reserve_scratch(net), done);
    TRY_GOTO(reserve_rest(net), done);
    TRY_GOTO(plan(net), done);
    *created = net;
    net = NULL;
done:
    net_free(net);
    return err;
}

enum vggcl_err net_allocate(struct net *net) {
    for (int i = 0; i < NET_GROUPS; i++)
        TRY(arena_commit(&net->arenas[i], net->dev));
    link_layers(net);
    return VGGCL_OK;
}

void net_free(struct net *net) {
    if (!net)
        return;
    for (int i = 0; i < NET_GROUPS; i++)
        arena_free(&net->arenas[i]);
    for (size_t i = 0; net->layers && i < net->layer_count; i++)
        for (size_t size = 0; size < LAYER_SIZES; size++)
            free(net->layers[i].plans[size]);
    free(net->layers);
    free(net);
}

/* Draws all values before the first write, because the device is still filling its memory with zeros meanwhile. */
enum vggcl_err net_start(struct net *net, uint64_t seed) {
    enum vggcl_err err = VGGCL_OK;
    size_t parameters = net_parameter_count(net), count = 0;
    for (size_t i = 0; i < parameters; i++)
        count += parameter_count(net_parameter(net, i));
    float *values = malloc(count * sizeof *values), *at = values;
    if (!values)
        return err_no_memory("the parameters", count * sizeof *values);
    for (size_t i = 0; i < parameters; at += parameter_count(net_parameter(net, i++)))
        parameter_start(net_parameter(net, i), seed, (uint32_t)i, at);
    at = values;
    for (size_t i = 0; err == VGGCL_OK && i < parameters; at += parameter_count(net_parameter(net, i++)))
        err = parameter_write(net->dev, net_parameter(net, i), net_parameter(net, i)->value, at);
    free(values);
    return err;
}

enum vggcl_err net_weigh_classes(struct net *net, const float *weights) {
    float largest = 1;
    for (size_t i = 0; i < net->classes; i++)
        largest = fmaxf(largest, weights[i]);
    net->weight_exponent = (int)ceilf(log2f(largest));
    return dev_write(net->dev, net->class_weight, 0, net->classes, weights);
}

struct pass net_pass(const struct net *net, size_t n, bool training, uint64_t seed, uint64_t step) {
    return (struct pass){.dev = net->dev,
                         .n = n,
                         .size = size_of(net, n),
                         .whole = n,
                         .label_share = 1,
                         .training = training,
                         .seed = seed,
                         .step = step,
                         .scratch = net->scratch};
}

enum vggcl_err net_forward(struct net *net, const struct pass *pass) {
    if (pass->size >= net->size_count)
        return err_set(VGGCL_EUSAGE, "the network was not planned for %zu images at once", pass->n);
    for (size_t i = 0; i < net->layer_count; i++)
        TRY(net->layers[i].type->forward(&net->layers[i], pass));
    return VGGCL_OK;
}

/* The loss scale: with 16-bit activations, gradients are multiplied by it in the backward pass, so that they neither
 * underflow nor overflow. It is a power of two, so the multiplication is exact. The first factor is the batch size,
 * rounded up to a power of two: it undoes the division of the mean loss, so that the gradients' range does not depend
 * on the batch size. Measured in VGG16 at initialisation, gradients are at most 1.3 then. In the layers with the
 * smallest gradients, 1 of 600 is below 2^-25, where 16-bit floats underflow to 0, and 4 of 5 are below 2^-14, where
 * they lose precision. The second factor, 2^IMAGE_SCALE, reduces that to less than 1 of 100000 and 1 of 80, and leaves
 * a factor of 2^7 below overflow, because batch normalisation may multiply gradients by up to 1 / sqrt(epsilon) = 316.
 * The largest class weight is divided out, so that the gradients of its class are not larger than without it.
 */
static double loss_scale(const struct net *net, const struct pass *pass) {
    return net->context.stored == STORED_HALF
               ? exp2(ceil(log2((double)pass->whole)) + IMAGE_SCALE - net->weight_exponent)
               : 1;
}

enum vggcl_err net_loss(struct net *net, const struct pass *pass) {
    double divisor = (double)pass->whole / loss_scale(net, pass);
    const struct targets targets = {.label = net->label,
                                    .partner_label = net->partner_label,
                                    .share = pass->label_share,
                                    .smoothing = pass->label_smoothing,
                                    .weighted = net->use & NET_WEIGHS && pass->training,
                                    .weight = net->class_weight};
    TRY(softmax_cross_entropy(net->dev, pass->n, net->classes, &targets, divisor, net_logits(net), net->loss,
                              net->predicted, net->layers[net->layer_count - 1].dy));
    return softmax_total(net->dev, pass->n, net->loss, net->predicted, net->label, net->total, pass->training,
                         net->failed);
}

static enum vggcl_err accumulate_layer(const struct net *net, const struct layer *l, bool first) {
    for (const struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++)
        if (p->trained && !p->untouched)
            TRY(accumulate(net->dev, first, p->gradient, p->accumulated));
    return VGGCL_OK;
}

enum vggcl_err net_backward_layer(struct net *net, const struct pass *pass, size_t layer) {
    const struct layer *l = &net->layers[layer];
    if (has_backward(l))
        TRY(l->type->backward(l, pass));
    return net->use & NET_ACCUMULATES ? accumulate_layer(net, l, !pass->adds) : VGGCL_OK;
}

enum vggcl_err net_backward(struct net *net, const struct pass *pass) {
    for (size_t i = net->layer_count; i-- > 0;)
        TRY(net_backward_layer(net, pass, i));
    return VGGCL_OK;
}

struct tensor net_gradient(const struct net *net, const struct parameter *p) {
    return net->use & NET_ACCUMULATES ? p->accumulated : p->gradient;
}

enum vggcl_err net_collect(struct net *net, bool first) {
    const struct arena *gradients = &net->arenas[NET_GRADIENTS], *sums = &net->arenas[NET_ACCUMULATED];
    for (size_t i = 0; i < sums->block_count; i++)
        TRY(accumulate(net->dev, first, arena_block_tensor(gradients, i), arena_block_tensor(sums, i)));
    return VGGCL_OK;
}

enum vggcl_err net_move_statistics(struct net *net) {
    const struct arena *running = &net->arenas[NET_STATISTICS], *last = &net->arenas[NET_BATCH_STATISTICS];
    for (size_t i = 0; i < running->block_count; i++)
        TRY(bn_move(net->dev, net->failed, arena_block_tensor(running, i), arena_block_tensor(last, i)));
    return VGGCL_OK;
}

/* The operands of an optimiser's step: block i of the weights, gradients and states. */
static struct optimised optimised_block(const struct net *net, size_t i) {
    enum net_group gradients = net->use & NET_ACCUMULATES ? NET_ACCUMULATED : NET_GRADIENTS;
    const struct arena *a = net->arenas;
    struct optimised o = {.weight = arena_block_tensor(&a[NET_WEIGHTS], i),
                          .gradient = arena_block_tensor(&a[gradients], i),
                          .matrices = a[NET_WEIGHTS].blocks[i].marked_words,
                          .failed = net->failed};
    for (int k = 0; k < net->optimiser->state_count; k++)
        o.state[k] = arena_block_tensor(&a[NET_STATES + k], i);
    return o;
}

enum vggcl_err net_step(struct net *net, const struct pass *pass, struct hyperparameters h) {
    h.scale = loss_scale(net, pass);
    for (size_t i = 0; i < net->arenas[NET_WEIGHTS].block_count; i++) {
        struct optimised block = optimised_block(net, i);
        TRY(net->optimiser->step(net->dev, &h, &block));
    }
    return VGGCL_OK;
}

enum vggcl_err net_update(struct net *net, const struct pass *pass, struct hyperparameters h) {
    TRY(net_move_statistics(net));
    return net_step(net, pass, h);
}

/* The groups that have averages, and the groups of these averages. */
static const struct {
    enum net_group of, average;
} averages[] = {{NET_WEIGHTS, NET_AVERAGED_WEIGHTS}, {NET_STATISTICS, NET_AVERAGED_STATISTICS}};
enum { AVERAGES = sizeof averages / sizeof *averages };

enum vggcl_err net_average(struct net *net, double share) {
    for (int k = 0; k < AVERAGES; k++) {
        const struct arena *of = &net->arenas[averages[k].of], *average = &net->arenas[averages[k].average];
        for (size_t i = 0; i < average->block_count; i++)
            TRY(average_move(net->dev, net->failed, share, arena_block_tensor(average, i), arena_block_tensor(of, i)));
    }
    return VGGCL_OK;
}

enum vggcl_err net_swap_averages(struct net *net) {
    for (int k = 0; k < AVERAGES; k++) {
        const struct arena *of = &net->arenas[averages[k].of], *average = &net->arenas[averages[k].average];
        for (size_t i = 0; i < average->block_count; i++)
            TRY(average_swap(net->dev, arena_block_tensor(average, i), arena_block_tensor(of, i)));
    }
    return VGGCL_OK;
}

enum vggcl_err net_keep_logits(struct net *net) {
    return average_swap(net->dev, net->other_logits, net_logits(net));
}

enum vggcl_err net_average_logits(struct net *net) {
    return average_move(net->dev, net->failed, 0.5, net_logits(net), net->other_logits);
}

enum vggcl_err net_read_group(struct net *net, enum net_group group, float *host) {
    const struct arena *a = &net->arenas[group];
    for (size_t i = 0; i < a->block_count; host += a->blocks[i++].words)
        TRY(dev_read_later(net->dev, arena_block_tensor(a, i), 0, a->blocks[i].words, host, NULL));
    return VGGCL_OK;
}

enum vggcl_err net_write_group(struct net *net, enum net_group group, const float *host) {
    const struct arena *a = &net->arenas[group];
    for (size_t i = 0; i < a->block_count; host += a->blocks[i++].words)
        TRY(dev_write_later(net->dev, arena_block_tensor(a, i), 0, a->blocks[i].words, host));
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
    layer_parameter_name(l, (int)i, name);
}

bool net_parameter_in_head(const struct net *net, size_t i) {
    return in_head(layer_of(net, &i));
}

size_t net_trained_count(const struct net *net) {
    size_t count = 0;
    for (size_t i = 0; i < net_parameter_count(net); i++)
        if (net_parameter(net, i)->trained)
            count += parameter_count(net_parameter(net, i));
    return count;
}

/* ------------------------------------------------------------------------------------------------- checks -- */

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
            err = err_set(VGGCL_ENUMERIC, "%s has values that are not finite (NaN or infinity)", name);
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
    enum vggcl_err err = dev_read_floats(net->dev, l->y, 0, count, values);
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
