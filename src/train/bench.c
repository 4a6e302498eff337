/* bench.c - vggcl_bench(): how fast a device starts, trains and evaluates a network, and where the time goes. */
#include "base/clock.h"
#include "base/rng.h"
#include "ops/peak.h"
#include "train/bench.h"
#include "train/config.h"
#include "train/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WARM_UP = 2,
    LAYER_REPEATS = 5,
    PEAK_REPEATS = 5,
    PEAK_ITEMS = 1 << 16,
    PEAK_ROUNDS = 512,
    COPY_WORDS = 1 << 24
};
static const double peak_seconds = 0.01;

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

double bench_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Images in the network's input range, and labels, the same each time. */
static enum vggcl_err fill_input(struct net *net) {
    enum vggcl_err err;
    size_t count = net->batch * shape_count(net->layers[0].in);
    float *images = malloc(count * sizeof *images);
    int32_t *labels = malloc(net->batch * sizeof *labels);
    struct rng r = rng_sequence(0, RNG_SYNTH, 0);
    if (!images || !labels) {
        err = err_no_memory("the benchmark's images", count * sizeof *images);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        images[i] = (float)(2 * rng_uniform(&r) - 1);
    for (size_t i = 0; i < net->batch; i++)
        labels[i] = (int32_t)rng_below(&r, VGGCL_CLASSES);
    TRY_GOTO(dev_write_floats(net->dev, net->input, 0, count, images), done);
    err = dev_write(net->dev, net->label, 0, net->batch, labels);
done:
    free(images);
    free(labels);
    return err;
}

/* ------------------------------------------------------------------------------------------------ whole steps -- */

static enum vggcl_err train_step(struct net *net, uint64_t step) {
    struct pass pass = net_pass(net, net->batch, true, 0, step);
    TRY(net_forward(net, &pass));
    TRY(net_loss(net, &pass));
    TRY(net_backward(net, &pass));
    TRY(net_update(net, &pass, (struct sgd){.lr = 1e-4, .momentum = 0.9, .weight_decay = 5e-4}));
    return dev_finish(net->dev);
}

static enum vggcl_err eval_step(struct net *net, uint64_t step) {
    struct pass pass = net_pass(net, net->batch, false, 0, step);
    TRY(net_forward(net, &pass));
    TRY(net_loss(net, &pass));
    return dev_finish(net->dev);
}

/* The first step is not timed, for it builds the kernels; the last one always is. */
static enum vggcl_err time_steps(struct net *net, int steps, double seconds,
                                 enum vggcl_err (*run)(struct net *, uint64_t), struct vggcl_spread *images,
                                 double *first) {
    enum vggcl_err err = VGGCL_OK;
    double *rates = malloc((size_t)steps * sizeof *rates), begin = clock_seconds();
    int timed = 0;
    bool late = false;
    if (!rates)
        return err_no_memory("the timings", (size_t)steps * sizeof *rates);
    for (int i = 0; timed < steps && !(timed && late); i++) {
        double start = clock_seconds();
        TRY_GOTO(run(net, (uint64_t)i), done);
        double end = clock_seconds();
        late = end - begin > seconds;
        if (i >= WARM_UP || (i && late))
            rates[timed++] = (double)net->batch / (end - start);
        else if (i == 0 && first)
            *first = end - start;
    }
    images->median = bench_median(rates, timed);
    images->least = rates[0];
    images->largest = rates[timed - 1];
done:
    free(rates);
    return err;
}

/* Memory, weights and images. */
static enum vggcl_err fill(struct net *net, uint64_t seed) {
    TRY(net_allocate(net));
    TRY(net_start(net, seed));
    return fill_input(net);
}

static enum vggcl_err make_net(struct dev *d, const struct vggcl_config *config, struct net **net) {
    struct layer_spec specs[VGG_LAYERS];
    TRY(net_create(d, specs, vgg_layers(config_vgg(config), specs), vgg_input, (size_t)config->batch,
                   config_word(config, "conv"), NET_TRAINS, net));
    return fill(*net, config->seed);
}

enum vggcl_err bench_net(struct net *net, uint64_t seed, int steps, double *images_per_second) {
    struct vggcl_spread images = {0};
    TRY(fill(net, seed));
    TRY(time_steps(net, steps, INFINITY, train_step, &images, NULL));
    *images_per_second = images.median;
    return VGGCL_OK;
}

enum vggcl_err bench_step(struct dev *d, const struct vggcl_config *config, int steps, double *seconds) {
    struct net *net = NULL;
    struct vggcl_spread images = {0};
    enum vggcl_err err = make_net(d, config, &net);
    if (err == VGGCL_OK)
        err = time_steps(net, steps, INFINITY, train_step, &images, NULL);
    if (err == VGGCL_OK)
        *seconds = config->batch / images.median;
    net_free(net);
    return err;
}

/* ------------------------------------------------------------------------------------------------ single layers -- */

typedef enum vggcl_err layer_call(const struct layer *l, const struct pass *pass);

/* Once, where it is later than until. */
static enum vggcl_err time_call(const struct layer *l, const struct pass *pass, layer_call *call, double until,
                                double *seconds) {
    double times[LAYER_REPEATS];
    int timed = 0;
    TRY(call(l, pass));
    TRY(dev_finish(pass->dev));
    do {
        double start = clock_seconds();
        TRY(call(l, pass));
        TRY(dev_finish(pass->dev));
        times[timed++] = clock_seconds() - start;
    } while (timed < LAYER_REPEATS && clock_seconds() < until);
    *seconds = bench_median(times, timed);
    return VGGCL_OK;
}

/* A layer with parameters is timed backward with and without its data gradient: the difference is that. */
static enum vggcl_err time_layer(const struct layer *l, const struct pass *pass, double until,
                                 struct vggcl_layer_time *t) {
    struct layer weights_only = *l;
    double backward = 0;
    weights_only.needs_dx = false;
    TRY(time_call(l, pass, l->type->forward, until, &t->forward));
    if (l->needs_dx || l->parameter_count)
        TRY(time_call(l, pass, l->type->backward, until, &backward));
    if (l->type == &layer_conv || l->type == &layer_linear)
        TRY(time_call(&weights_only, pass, l->type->backward, until, &t->weight_gradient));
    t->data_gradient = l->needs_dx ? backward - t->weight_gradient : 0;
    return VGGCL_OK;
}

static void describe_methods(const struct layer *l, struct vggcl_layer_time *t) {
    t->forward_method = conv_describe(l->methods[CONV_FORWARD]);
    t->weight_gradient_method = conv_describe(l->methods[CONV_WEIGHT_GRADIENT]);
    if (l->needs_dx)
        t->data_gradient_method = conv_describe(l->methods[CONV_DATA_GRADIENT]);
}

/* An activation's data gradient reads what it read forward once more; flatten may have nothing to move. */
static void count_bytes(const struct layer *l, size_t n, size_t weights, struct vggcl_layer_time *t) {
    double in = 4.0 * (double)storage_words(n * shape_count(l->in), l->x.half);
    double out = 4.0 * (double)storage_words(n * shape_count(l->out), l->y.half);
    if (l->type == &layer_flatten && l->in_place)
        return;
    t->forward_bytes = in + out + 4.0 * (double)weights;
    t->data_gradient_bytes = l->needs_dx ? t->forward_bytes + (l->type == &layer_activation ? in : 0) : 0;
    t->weight_gradient_bytes = weights ? t->forward_bytes : 0;
}

static void describe_layer(const struct layer *l, size_t n, struct vggcl_layer_time *t) {
    bool multiplies = l->type == &layer_conv || l->type == &layer_linear;
    size_t weights = multiplies ? parameter_count(&l->parameters[0]) : 0;
    if (l->type == &layer_conv)
        describe_methods(l, t);
    snprintf(t->name, sizeof t->name, "%s", l->spec.name);
    snprintf(t->type, sizeof t->type, "%s", l->type->name);
    t->flops = 2.0 * (double)weights * (double)(n * l->out.h * l->out.w);
    count_bytes(l, n, weights, t);
}

static enum vggcl_err time_layers(struct net *net, double seconds, struct vggcl_benchmark *b) {
    struct pass pass = net_pass(net, net->batch, true, 0, 0);
    double until = clock_seconds() + seconds;
    b->layers = calloc(net->layer_count, sizeof *b->layers);
    if (!b->layers)
        return err_no_memory("the layers' timings", net->layer_count * sizeof *b->layers);
    b->layer_count = net->layer_count;
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct layer *l = &net->layers[i];
        describe_layer(l, net->batch, &b->layers[i]);
        TRY(time_layer(l, &pass, until, &b->layers[i]));
        b->step_flops += b->layers[i].flops * (l->needs_dx ? 3 : 2) / (double)net->batch;
    }
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- the device -- */

/* Multiply-adds, or bytes copied, of one launch. */
typedef enum vggcl_err peak_call(struct dev *d, struct tensor from, struct tensor to, double *done);

static enum vggcl_err multiply_add(struct dev *d, struct tensor from, struct tensor to, double *done) {
    (void)from;
    return peak_multiply_add(d, PEAK_ITEMS, PEAK_ROUNDS, to, done);
}

static enum vggcl_err copy(struct dev *d, struct tensor from, struct tensor to, double *done) {
    *done = 8.0 * COPY_WORDS;
    return peak_copy(d, COPY_WORDS, from, to);
}

/* The most a second that a device does of it, in runs of so many launches that waiting for the last does not count. */
static enum vggcl_err time_peak(struct dev *d, peak_call *call, struct tensor from, struct tensor to, double *most) {
    size_t launches = 1;
    double done;
    TRY(call(d, from, to, &done)); /* builds the kernels */
    TRY(dev_finish(d));
    for (int i = 0; i < PEAK_REPEATS;) {
        double start = clock_seconds();
        for (size_t k = 0; k < launches; k++)
            TRY(call(d, from, to, &done));
        TRY(dev_finish(d));
        double seconds = clock_seconds() - start, rate = done * (double)launches / seconds;
        if (seconds < peak_seconds) {
            launches *= 2;
            continue;
        }
        if (rate > *most)
            *most = rate;
        i++;
    }
    return VGGCL_OK;
}

static enum vggcl_err measure_device(struct dev *d, struct vggcl_benchmark *b) {
    struct arena arena = {0};
    struct tensor from, to;
    enum vggcl_err err;
    TRY_GOTO(arena_reserve(&arena, "a copy's source", COPY_WORDS, &from), done);
    TRY_GOTO(arena_reserve(&arena, "a copy's target", COPY_WORDS, &to), done);
    TRY_GOTO(arena_commit(&arena, d), done);
    TRY_GOTO(time_peak(d, multiply_add, from, to, &b->peak_flops), done);
    err = time_peak(d, copy, from, to, &b->copy_bytes);
done:
    arena_free(&arena);
    return err;
}

enum vggcl_err vggcl_bench(const struct vggcl_config *config, int steps, double seconds, struct vggcl_benchmark *b) {
    enum vggcl_err err;
    struct dev *d = NULL;
    struct net *net = NULL;
    struct tuned tuned;
    memset(b, 0, sizeof *b);
    b->config = *config;
    TRY_GOTO(config_device(config, &d, &tuned), done);
    b->device = d->info;
    snprintf(b->tuning, sizeof b->tuning, "%s", tuned.text);
    TRY_GOTO(make_net(d, config, &net), done);
    TRY_GOTO(time_steps(net, steps, seconds, train_step, &b->train, &b->first_step), done);
    TRY_GOTO(time_steps(net, steps, seconds, eval_step, &b->eval, NULL), done);
    b->device_bytes = d->peak_bytes;
    TRY_GOTO(time_layers(net, seconds, b), done);
    err = measure_device(d, b);
done:
    net_free(net);
    dev_close(d);
    if (err != VGGCL_OK)
        vggcl_benchmark_free(b);
    return err;
}

enum vggcl_err vggcl_start_time(const struct vggcl_config *config, double *seconds) {
    enum vggcl_err err;
    struct dev *d = NULL;
    struct net *net = NULL;
    struct tuned tuned;
    double start = clock_seconds();
    TRY_GOTO(config_device(config, &d, &tuned), done);
    TRY_GOTO(make_net(d, config, &net), done);
    TRY_GOTO(train_step(net, 0), done);
    *seconds = clock_seconds() - start;
done:
    net_free(net);
    dev_close(d);
    return err;
}

void vggcl_benchmark_free(struct vggcl_benchmark *b) {
    free(b->layers);
    b->layers = NULL;
}
