/* losses.c - vggcl_first_losses(): the losses of the first training steps on the device and, in double precision, on
 * the host. */
#include "base/stored.h"
#include "base/phase.h"
#include "check/twin.h"
#include "cl/matrix.h"
#include "data/synth.h"
#include "ops/image.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/profile.h"
#include "tune/timing.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The tolerance for rounding errors is twice the drift, plus `summing` for the sum of a batch's losses. The drift is
 * how far the losses change if the initial weights are disturbed by the relative error off_by. Winograd F(4x4) makes
 * about 32 float roundings in a layer; 16-bit values and tf32 are rounded once a layer, with a margin of 4
 * (stored_margin). Measured with PoCL and llvmpipe, ten to sixteen steps of VGG11 and VGG16 at widths of 1/32 to 1/8,
 * with each kind of dropout, with and without batch normalisation: the devices used up to a fifth of the tolerance. */
static const double off_by = 32 * FLT_EPSILON / 2, stored_margin = 4, summing = 16 * FLT_EPSILON;

/* The same training three times: on the device, by its twin (the reference in double precision on the host), and by a
 * twin with disturbed initial weights. */
struct trio {
    struct net *net;
    struct twin *exact, *disturbed;
    struct data data;      /* synthetic images, which take_images() brings to another shape */
    struct data_spec spec; /* of the network's images */
    float *images;         /* of one step, NHWC */
    int32_t *label;
};

/* The largest relative rounding error of a layer's activations, as they are stored or multiplied. */
static double rounding_of(const struct context *context) {
    return fmax(stored_rounding(context->stored), matrix_rounding(context->dev->matrix));
}

static enum vggcl_err start_weights(struct trio *t, uint64_t seed) {
    TRY(net_start(t->net, seed));
    for (size_t i = 0; i < net_parameter_count(t->net); i++) {
        const struct parameter *p = net_parameter(t->net, i);
        float *values = malloc(parameter_count(p) * sizeof *values);
        if (!values)
            return err_no_memory("a parameter", parameter_count(p) * sizeof *values);
        parameter_start(p, seed, (uint32_t)i, values);
        enum vggcl_err err = twin_set(t->exact, i, values);
        if (err == VGGCL_OK)
            err = twin_set(t->disturbed, i, values);
        free(values);
        TRY(err);
    }
    twin_disturb(t->disturbed, fmax(off_by, stored_margin * rounding_of(&t->net->context)));
    return VGGCL_OK;
}

static enum vggcl_err begin(struct trio *t, const struct context *context, const struct vggcl_config *config,
                            int steps) {
    size_t batch = (size_t)config->batch, images = batch * (size_t)steps;
    TRY(synth_make(images < SYNTH_TEST ? SYNTH_TEST : images, SYNTH_CLASSES, SYNTH_SIDE, config->seed, &t->data));
    t->spec = network_spec(config);
    TRY(network_create(context, config, &t->spec, batch, NULL, NULL, NET_TRAINS, &t->net));
    TRY(net_allocate(t->net));
    TRY(twin_create(t->net, &t->exact));
    TRY(twin_create(t->net, &t->disturbed));
    size_t floats = batch * data_image_bytes(&t->spec);
    t->images = malloc(floats * sizeof *t->images);
    t->label = malloc(batch * sizeof *t->label);
    if (!t->images || !t->label)
        return err_no_memory("a step's images", floats * sizeof *t->images);
    return start_weights(t, config->seed);
}

/* Byte k (NHWC) of an image of the network's shape: that of the nearest pixel of a synthetic image. */
static uint8_t byte_of(const struct trio *t, size_t image, size_t k) {
    const struct data_spec *s = &t->spec;
    size_t row = k / s->channels / s->width * SYNTH_SIDE / s->height;
    size_t column = k / s->channels % s->width * SYNTH_SIDE / s->width;
    size_t plane = image * SYNTH_CHANNELS + k % s->channels;
    return t->data.train.pixels[(plane * SYNTH_SIDE + row) * SYNTH_SIDE + column];
}

/* Takes a step's images, normalised as by normalisation_half, in the order of the synthetic set. The labels repeat the
 * sequence of all classes. */
static void take_images(struct trio *t, size_t batch, size_t step) {
    size_t bytes = data_image_bytes(&t->spec);
    for (size_t i = 0; i < batch; i++) {
        size_t image = (step * batch + i) % t->data.train.count;
        t->label[i] = (int32_t)(image % t->spec.classes);
        for (size_t k = 0; k < bytes; k++)
            t->images[i * bytes + k] =
                (float)((byte_of(t, image, k) / 255.0 - normalisation_half.mean[0]) / normalisation_half.deviation[0]);
    }
}

static enum vggcl_err step_net(const struct trio *t, const struct pass *pass, struct hyperparameters h, double *loss) {
    struct net *net = t->net;
    float total;
    TRY(dev_write_floats(net->dev, net->input, 0, pass->n * data_image_bytes(&t->spec), t->images));
    TRY(dev_write(net->dev, net->label, 0, pass->n, t->label));
    TRY(net_forward(net, pass));
    TRY(net_loss(net, pass));
    TRY(net_backward(net, pass));
    TRY(net_update(net, pass, h));
    TRY(dev_read(net->dev, net->total, 0, 1, &total));
    *loss = total / (double)pass->n;
    return VGGCL_OK;
}

/* Runs one step of all three; *drift is the largest drift so far. */
static enum vggcl_err step_all(struct trio *t, uint64_t seed, int step, double *drift, struct vggcl_loss *loss) {
    struct pass pass = net_pass(t->net, t->net->batch, true, seed, (uint64_t)step);
    struct hyperparameters h = usual_hyperparameters;
    h.number = step + 1;
    take_images(t, pass.n, (size_t)step);
    TRY(step_net(t, &pass, h, &loss->device));
    loss->reference = twin_step(t->exact, &pass, h, t->images, t->label);
    *drift = fmax(*drift, fabs(twin_step(t->disturbed, &pass, h, t->images, t->label) - loss->reference));
    loss->tolerance = 2 * *drift + summing * loss->reference;
    return VGGCL_OK;
}

enum vggcl_err vggcl_first_losses(const struct vggcl_config *config, int steps, struct vggcl_loss *losses) {
    enum vggcl_err err;
    struct context context = {0};
    struct tuned tuned;
    struct trio t = {0};
    double drift = 0;
    struct vggcl_config strict = *config; /* with what is known to be wrong: the losses show it */
    strict.strict = true;
    TRY(config_check(config));
    TRY(timing_check_steps(steps));
    TRY_GOTO(profile_open(&strict, &context, &tuned), done);
    TRY_GOTO(begin(&t, &context, config, steps), done);
    phase_begin(context.dev->info.name, "first losses", (size_t)steps);
    for (int step = 0; step < steps; step++) {
        phase_item((size_t)step, "%s", "");
        TRY_GOTO(step_all(&t, config->seed, step, &drift, &losses[step]), done);
    }
done:
    data_free(&t.data);
    free(t.images);
    free(t.label);
    twin_free(t.exact);
    twin_free(t.disturbed);
    net_free(t.net);
    dev_close(context.dev);
    return err;
}
