#include "tune/timing.h"
#include "base/clock.h"
#include "base/phase.h"
#include "base/rng.h"
#include "base/stop.h"
#include "options/network.h"

#include <math.h>
#include <stdlib.h>

enum { WARM_UP = 2 };

static int compare(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return difference < 0 ? -1 : difference > 0;
}

double timing_median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Uploads random images in the network's input range, -1 to 1, and labels; the same ones each time. */
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
        labels[i] = (int32_t)rng_below(&r, (uint32_t)net->classes);
    TRY_GOTO(dev_write_floats(net->dev, net->input, 0, count, images), done);
    err = dev_write(net->dev, net->label, 0, net->batch, labels);
done:
    free(images);
    free(labels);
    return err;
}

enum vggcl_err timing_check_steps(int steps) {
    return steps >= 1 ? VGGCL_OK : err_set(VGGCL_EUSAGE, "steps: takes a number of at least 1, not %d", steps);
}

enum vggcl_err timing_train_step(struct net *net, uint64_t step) {
    struct pass pass = net_pass(net, net->batch, true, 0, step);
    TRY(net_forward(net, &pass));
    TRY(net_loss(net, &pass));
    TRY(net_backward(net, &pass));
    struct hyperparameters h = usual_hyperparameters;
    h.number = (int64_t)step + 1;
    TRY(net_update(net, &pass, h));
    return dev_finish(net->dev);
}

enum vggcl_err timing_eval_step(struct net *net, uint64_t step) {
    struct pass pass = net_pass(net, net->batch, false, 0, step);
    TRY(net_forward(net, &pass));
    TRY(net_loss(net, &pass));
    return dev_finish(net->dev);
}

/* The first step is never a timed one, because it builds the kernels; the last one always is. */
enum vggcl_err timing_steps(struct net *net, int steps, double seconds, enum vggcl_err (*run)(struct net *, uint64_t),
                            struct vggcl_spread *images, double *first) {
    enum vggcl_err err = VGGCL_OK;
    double *rates = malloc((size_t)steps * sizeof *rates), begin = clock_seconds();
    int timed = 0;
    bool late = false;
    if (!rates)
        return err_no_memory("the timings", (size_t)steps * sizeof *rates);
    phase_begin(net->dev->info.name, run == timing_train_step ? "training steps" : "evaluation steps",
                (size_t)steps + WARM_UP);
    for (int i = 0; timed < steps && !(timed && late); i++) {
        TRY_GOTO(stop_check(), done);
        phase_item((size_t)i, "%s", "");
        double start = clock_seconds();
        TRY_GOTO(run(net, (uint64_t)i), done);
        double end = clock_seconds();
        late = end - begin > seconds;
        if (i >= WARM_UP || (i && late))
            rates[timed++] = (double)net->batch / (end - start);
        else if (i == 0 && first)
            *first = end - start;
    }
    images->median = timing_median(rates, timed);
    images->least = rates[0];
    images->largest = rates[timed - 1];
done:
    free(rates);
    return err;
}

enum vggcl_err timing_fill(struct net *net, uint64_t seed) {
    TRY(net_allocate(net));
    TRY(net_start(net, seed));
    return fill_input(net);
}

enum vggcl_err timing_make_net(const struct context *context, const struct vggcl_config *config, struct net **net) {
    const struct data_spec spec = network_spec(config);
    TRY(network_create(context, config, &spec, (size_t)config->batch, NULL, NULL, NET_TRAINS, net));
    return timing_fill(*net, config->seed);
}

enum vggcl_err timing_net(struct net *net, uint64_t seed, int steps, double *images_per_second) {
    struct vggcl_spread images = {0};
    TRY(timing_fill(net, seed));
    TRY(timing_steps(net, steps, INFINITY, timing_train_step, &images, NULL));
    *images_per_second = images.median;
    return VGGCL_OK;
}

enum vggcl_err timing_step(const struct context *context, const struct vggcl_config *config, int steps,
                           double *seconds) {
    struct net *net = NULL;
    struct vggcl_spread images = {0};
    enum vggcl_err err = timing_make_net(context, config, &net);
    if (err == VGGCL_OK)
        err = timing_steps(net, steps, INFINITY, timing_train_step, &images, NULL);
    if (err == VGGCL_OK)
        *seconds = config->batch / images.median;
    net_free(net);
    return err;
}
