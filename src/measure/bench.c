/* bench.c - vggcl_bench(): start-up time, training and evaluation throughput, the time of each
 * layer, and the shares of the bounds that the device's peaks set. */
#include "base/clock.h"
#include "base/phase.h"
#include "base/rng.h"
#include "measure/peaks.h"
#include "ops/conv/conv.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/checked.h"
#include "tune/profile.h"
#include "tune/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYER_REPEATS = 5 };

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

/* Without `alone`, backward() computes both gradients. */
static enum vggcl_err time_direction(const struct layer *l, const struct pass *pass, enum conv_direction direction,
                                     double until, double *seconds) {
    struct layer alone = *l;
    alone.needs_dx = alone.only_dx = direction == CONV_DATA_GRADIENT;
    return time_call(&alone, pass, direction == CONV_FORWARD ? l->type->forward : l->type->backward, until, seconds);
}

/* Layers that work in place touch half the memory. */
static enum vggcl_err measure_direction(const struct layer *l, const struct pass *pass, enum conv_direction direction,
                                        double until, const struct vggcl_peaks *peaks, struct vggcl_direction_time *t) {
    struct layer_cost cost = l->type->cost(l, pass, direction);
    double bytes = cost.reads + cost.writes;
    if (bytes <= 0)
        return VGGCL_OK;
    t->flops = cost.flops;
    t->operations = cost.operations;
    t->matrix = cost.matrix;
    t->reads = cost.reads;
    t->writes = cost.writes;
    if (layer_convolves(l))
        t->method = conv_describe(l->methods[direction]);
    peaks_bound(peaks, l->in_place ? bytes / 2 : bytes, t);
    return time_direction(l, pass, direction, until, &t->seconds);
}

static enum vggcl_err measure_layer(const struct layer *l, const struct pass *pass, double until,
                                    const struct vggcl_peaks *peaks, struct vggcl_layer_time *t) {
    snprintf(t->name, sizeof t->name, "%s", l->spec.name);
    snprintf(t->type, sizeof t->type, "%s", l->type->name);
    TRY(measure_direction(l, pass, CONV_FORWARD, until, peaks, &t->forward));
    TRY(measure_direction(l, pass, CONV_DATA_GRADIENT, until, peaks, &t->data_gradient));
    return measure_direction(l, pass, CONV_WEIGHT_GRADIENT, until, peaks, &t->weight_gradient);
}

static enum vggcl_err measure_layers(struct net *net, double seconds, struct vggcl_benchmark *b) {
    struct pass pass = net_pass(net, net->batch, true, 0, 0);
    double until = clock_seconds() + seconds;
    b->layers = calloc(net->layer_count, sizeof *b->layers);
    if (!b->layers)
        return err_no_memory("the layers' timings", net->layer_count * sizeof *b->layers);
    b->layer_count = net->layer_count;
    phase_begin(net->dev->info.name, "layers", net->layer_count);
    for (size_t i = 0; i < net->layer_count; i++) {
        phase_item(i, "%s", net->layers[i].spec.name);
        TRY(measure_layer(&net->layers[i], &pass, until, &b->peaks, &b->layers[i]));
    }
    return VGGCL_OK;
}

static void add_direction(struct vggcl_benchmark *b, const struct vggcl_direction_time *t) {
    b->step_flops += t->flops / b->config.batch;
    b->step_operations += t->operations / b->config.batch;
    b->step_arithmetic += peaks_arithmetic(&b->peaks, t) / b->config.batch;
}

/* Sums over all layers, for one image. */
static void add_up(struct vggcl_benchmark *b) {
    double forward = 0, backward = 0;
    for (const struct vggcl_layer_time *l = b->layers; l < b->layers + b->layer_count; l++) {
        add_direction(b, &l->forward);
        add_direction(b, &l->data_gradient);
        add_direction(b, &l->weight_gradient);
        forward += l->forward.bound_seconds;
        backward += l->data_gradient.bound_seconds + l->weight_gradient.bound_seconds;
    }
    b->train_bound = b->config.batch / (forward + backward);
    b->eval_bound = b->config.batch / forward;
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
    TRY_GOTO(peaks_measure(context.dev, &b->peaks), done);
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
    TRY_GOTO(measure_layers(net, seconds, b), done);
    add_up(b);
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
