/* bench.c - vggcl_bench(): start-up time, training and evaluation throughput, and the time of each layer. */
#include "base/clock.h"
#include "base/phase.h"
#include "base/rng.h"
#include "ops/conv/conv.h"
#include "ops/peak.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/checked.h"
#include "tune/profile.h"
#include "tune/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYER_REPEATS = 5, PEAK_REPEATS = 5, PEAK_ITEMS = 1 << 16, PEAK_ROUNDS = 512, COPY_WORDS = 1 << 24 };
static const double peak_seconds = 0.01;

/* ------------------------------------------------------------------------------------------------ single layers -- */

typedef enum vggcl_err layer_call(const struct layer *l, const struct pass *pass);

/* The median of up to LAYER_REPEATS calls; after the time `until`, of one. */
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
    *seconds = timing_median(times, timed);
    return VGGCL_OK;
}

/* The data gradient's time is the difference between backward passes with and without it. */
static enum vggcl_err time_layer(const struct layer *l, const struct pass *pass, double until,
                                 struct vggcl_layer_time *t) {
    struct layer weights_only = *l;
    double backward = 0;
    weights_only.needs_dx = false;
    TRY(time_call(l, pass, l->type->forward, until, &t->forward));
    if (l->needs_dx || l->parameter_count)
        TRY(time_call(l, pass, l->type->backward, until, &backward));
    if (l->type->cost(l, pass->n, CONV_WEIGHT_GRADIENT).flops > 0)
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

static void describe_layer(const struct layer *l, size_t n, struct vggcl_layer_time *t) {
    snprintf(t->name, sizeof t->name, "%s", l->spec.name);
    snprintf(t->type, sizeof t->type, "%s", l->type->name);
    t->flops = l->type->cost(l, n, CONV_FORWARD).flops;
    t->forward_bytes = l->type->cost(l, n, CONV_FORWARD).bytes;
    t->data_gradient_bytes = l->type->cost(l, n, CONV_DATA_GRADIENT).bytes;
    t->weight_gradient_bytes = l->type->cost(l, n, CONV_WEIGHT_GRADIENT).bytes;
    if (layer_convolves(l))
        describe_methods(l, t);
}

static enum vggcl_err time_layers(struct net *net, double seconds, struct vggcl_benchmark *b) {
    struct pass pass = net_pass(net, net->batch, true, 0, 0);
    double until = clock_seconds() + seconds;
    b->layers = calloc(net->layer_count, sizeof *b->layers);
    if (!b->layers)
        return err_no_memory("the layers' timings", net->layer_count * sizeof *b->layers);
    b->layer_count = net->layer_count;
    phase_begin(net->dev->info.name, "layers", net->layer_count);
    for (size_t i = 0; i < net->layer_count; i++) {
        const struct layer *l = &net->layers[i];
        phase_item(i, "%s", l->spec.name);
        describe_layer(l, net->batch, &b->layers[i]);
        TRY(time_layer(l, &pass, until, &b->layers[i]));
        b->step_flops += b->layers[i].flops * (l->needs_dx ? 3 : 2) / (double)net->batch;
    }
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- the device -- */

/* Launches a kernel once; *done: the operations, or the bytes copied. */
typedef enum vggcl_err peak_call(struct dev *d, struct tensor from, struct tensor to, double *done);

static enum vggcl_err multiply_add(struct dev *d, struct tensor from, struct tensor to, double *done) {
    (void)from;
    return peak_multiply_add(d, PEAK_ITEMS, PEAK_ROUNDS, to, done);
}

static enum vggcl_err copy(struct dev *d, struct tensor from, struct tensor to, double *done) {
    *done = 8.0 * COPY_WORDS;
    return peak_copy(d, COPY_WORDS, from, to);
}

/* *most: the highest rate per second, over runs with enough launches that the final wait is negligible. */
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
    phase_begin(d->info.name, "the device's peak", 0);
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
    struct context context = {0};
    struct net *net = NULL;
    struct tuned tuned;
    const struct data_spec spec = network_spec(config);
    char wrong[VGGCL_WRONG];
    double start, check_seconds;
    memset(b, 0, sizeof *b);
    TRY(config_check(config));
    TRY(timing_check_steps(steps));
    b->config = *config;
    TRY_GOTO(profile_open(config, &context, &tuned), done);
    b->device = context.dev->info;
    start = clock_seconds();
    TRY_GOTO(checked_net(&context, config, &spec, (size_t)config->batch, &net, &b->warnings), done);
    check_seconds = clock_seconds() - start;
    if (b->warnings)
        profile_keep_wrong(&context, config);
    profile_describe(&context, &tuned, b->tuning, wrong);
    context.dev->peak_bytes = context.dev->bytes; /* the benchmark's peak does not include the check's */
    TRY_GOTO(timing_fill(net, config->seed), done);
    TRY_GOTO(timing_steps(net, steps, seconds, timing_train_step, &b->train, &b->first_step), done);
    b->first_step += check_seconds; /* it builds the kernels */
    TRY_GOTO(timing_steps(net, steps, seconds, timing_eval_step, &b->eval, NULL), done);
    b->device_bytes = context.dev->peak_bytes;
    TRY_GOTO(time_layers(net, seconds, b), done);
    err = measure_device(context.dev, b);
done:
    net_free(net);
    dev_close(context.dev);
    if (err != VGGCL_OK)
        vggcl_benchmark_free(b);
    return err;
}

enum vggcl_err vggcl_start_time(const struct vggcl_config *config, double *seconds) {
    enum vggcl_err err;
    struct context context = {0};
    struct net *net = NULL;
    struct tuned tuned;
    double start = clock_seconds();
    TRY(config_check(config));
    TRY_GOTO(profile_open(config, &context, &tuned), done);
    TRY_GOTO(timing_make_net(&context, config, &net), done);
    phase_begin(context.dev->info.name, "first step", 0);
    TRY_GOTO(timing_train_step(net, 0), done);
    *seconds = clock_seconds() - start;
done:
    net_free(net);
    dev_close(context.dev);
    return err;
}

void vggcl_benchmark_free(struct vggcl_benchmark *b) {
    if (!b)
        return;
    free(b->layers);
    free(b->warnings);
    b->layers = NULL;
    b->warnings = NULL;
}
