/* losses.c - vggcl_first_losses(): the first steps of a training on the device and on the host in double precision. */
#include "base/half.h"
#include "check/twin.h"
#include "data/data.h"
#include "train/config.h"
#include "train/profile.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* At larger learning rates training with batch normalisation amplifies roundings step by step, and the losses say
 * nothing any more: at 0.01 by 10^5 within eight steps. */
static const struct sgd slow = {.lr = 1e-4, .momentum = 0.9, .weight_decay = 5e-4};

/* What rounding explains: twice what the losses drift when the training begins with weights that are off by so much of
 * themselves, and what adding a batch's losses up rounds. 32 roundings of a float are about what Winograd's F(4x4)
 * makes of a layer; of 16-bit floats, which round once a layer, 4. Measured through PoCL and llvmpipe, ten to sixteen
 * steps of VGG11 and VGG16 at widths of 1/32 to 1/8, with each kind of dropout, with and without batch normalisation:
 * the devices used up to a fifth of it. */
static const double off_by = 32 * FLT_EPSILON / 2, off_by_half = 4 * HALF_ROUNDING, summing = 16 * FLT_EPSILON;

/* The same training three times: on the device, by its twin, and by one whose weights are off. */
struct trio {
    struct net *net;
    struct twin *exact, *disturbed;
    struct data data;
    float *images; /* of a step, NHWC */
    int32_t *label;
};

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
    twin_disturb(t->disturbed, t->net->dev->half ? off_by_half : off_by);
    return VGGCL_OK;
}

static enum vggcl_err begin(struct trio *t, struct dev *d, const struct vggcl_config *config, int steps) {
    struct layer_spec specs[VGG_LAYERS];
    size_t batch = (size_t)config->batch, images = batch * (size_t)steps, floats = batch * DATA_PIXELS;
    TRY(net_create(d, specs, vgg_layers(config_vgg(config), specs), vgg_input, batch, config_word(config, "conv"),
                   NET_TRAINS, &t->net));
    TRY(net_allocate(t->net));
    TRY(twin_create(t->net, &t->exact));
    TRY(twin_create(t->net, &t->disturbed));
    TRY(synth_make(images < SYNTH_TEST ? SYNTH_TEST : images, VGGCL_CLASSES, config->seed, &t->data));
    t->images = malloc(floats * sizeof *t->images);
    t->label = malloc(batch * sizeof *t->label);
    if (!t->images || !t->label)
        return err_no_memory("a step's images", floats * sizeof *t->images);
    return start_weights(t, config->seed);
}

/* The images of a step, in the set's order, which has every class in turn. */
static void take_images(struct trio *t, size_t batch, size_t step) {
    const struct dataset *set = &t->data.train;
    for (size_t i = 0; i < batch; i++) {
        size_t image = (step * batch + i) % set->count;
        t->label[i] = set->labels[image];
        for (size_t k = 0; k < DATA_PIXELS; k++) {
            size_t channel = k % DATA_CHANNELS, pixel = k / DATA_CHANNELS;
            uint8_t byte = set->pixels[image * DATA_PIXELS + channel * DATA_PIXELS / DATA_CHANNELS + pixel];
            t->images[i * DATA_PIXELS + k] = byte / 127.5f - 1;
        }
    }
}

static enum vggcl_err step_net(const struct trio *t, const struct pass *pass, double *loss) {
    struct net *net = t->net;
    float total;
    TRY(dev_write_floats(net->dev, net->input, 0, pass->n * DATA_PIXELS, t->images));
    TRY(dev_write(net->dev, net->label, 0, pass->n, t->label));
    TRY(net_forward(net, pass));
    TRY(net_loss(net, pass));
    TRY(net_backward(net, pass));
    TRY(net_update(net, pass, slow));
    TRY(dev_read(net->dev, net->total, 0, 1, &total));
    *loss = total / (double)pass->n;
    return VGGCL_OK;
}

/* One step of all three; drift is the largest one so far. */
static enum vggcl_err step_all(struct trio *t, uint64_t seed, int step, double *drift, struct vggcl_loss *loss) {
    struct pass pass = net_pass(t->net, t->net->batch, true, seed, (uint64_t)step);
    take_images(t, pass.n, (size_t)step);
    TRY(step_net(t, &pass, &loss->device));
    loss->reference = twin_step(t->exact, &pass, slow, t->images, t->label);
    *drift = fmax(*drift, fabs(twin_step(t->disturbed, &pass, slow, t->images, t->label) - loss->reference));
    loss->tolerance = 2 * *drift + summing * loss->reference;
    return VGGCL_OK;
}

enum vggcl_err vggcl_first_losses(const struct vggcl_config *config, int steps, struct vggcl_loss *losses) {
    enum vggcl_err err;
    struct dev *d = NULL;
    struct tuned tuned;
    struct trio t = {0};
    double drift = 0;
    TRY_GOTO(config_device(config, &d, &tuned), done);
    TRY_GOTO(begin(&t, d, config, steps), done);
    for (int step = 0; step < steps; step++)
        TRY_GOTO(step_all(&t, config->seed, step, &drift, &losses[step]), done);
done:
    data_free(&t.data);
    free(t.images);
    free(t.label);
    twin_free(t.exact);
    twin_free(t.disturbed);
    net_free(t.net);
    dev_close(d);
    return err;
}
