/* Training of whole networks, compared with golden values of PyTorch in double precision from
 * tests/golden/make_golden.py. */
#include "common.h"

#include "check/twin.h"
#include "nets/model.h"
#include "ops/conv/conv.h"
#include "train/checkpoint.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 6, STEPS = 6, PIXELS = 32 * 32, CLASSES = 10 };

/* What may be off, as a multiple of what PyTorch in single precision is off by (the record "rounding"): Winograd F(4x4)
 * rounds several times as coarsely as a direct convolution. No ReLU's input and no pooling window is so near a tie that
 * any of this decides it (make_golden.py), so nothing jumps. */
static const double coarseness = 16;

enum kind { FORWARD, BACKWARD }; /* which pass values come of: the two values of "rounding" */

#define PLAIN {.lr = 1e-4, .momentum = 0.9, .weight_decay = 5e-4}

static const struct golden_case {
    const char *name; /* prefix of its tensors */
    enum dropout dropout;
    size_t batch; /* of the IMAGES, so that every second of 4 is short */
    struct hyperparameters hyperparameters;
    double label_smoothing;
} cases[] = {{"none4.", DROPOUT_NONE, 4, PLAIN, 0},
             {"channel4.", DROPOUT_CHANNEL, 4, PLAIN, 0},
             {"element4.", DROPOUT_ELEMENT, 4, PLAIN, 0},
             {"element1.", DROPOUT_ELEMENT, 1, PLAIN, 0},
             {"recipe4.",
              DROPOUT_CHANNEL,
              4,
              {.lr = 1e-4, .momentum = 0.9, .weight_decay = 5e-2, .nesterov = true, .no_bias_decay = true},
              0.1}};

static struct safetensors golden;
static char running[128]; /* file, case and algorithm, for messages */

static const struct record *values(const char *prefix, const char *kind, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s%s", prefix, kind, name);
    const struct record *r = safetensors_find(&golden, full);
    if (!r)
        fail_msg("%s: the file has no %s", running, full);
    return r;
}

static uint64_t number(const char *prefix, const char *name) {
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    const char *value = safetensors_metadata(&golden, key);
    assert_non_null(value);
    return strtoull(value, NULL, 10);
}

static double length(const struct record *r) {
    double squares = 0;
    for (size_t i = 0; i < record_count(r); i++)
        squares += (double)r->values[i] * r->values[i];
    return sqrt(squares);
}

/* got is near the golden values, in units of scale. */
static void assert_near(const struct golden_case *c, const float *got, const struct record *want, double scale,
                        enum kind kind) {
    double squares = 0, tolerance = coarseness * values(c->name, "rounding", "")->values[kind];
    for (size_t i = 0; i < record_count(want); i++)
        squares += ((double)got[i] - want->values[i]) * ((double)got[i] - want->values[i]);
    double relative = sqrt(squares) / scale;
    if (!(relative <= tolerance))
        fail_msg("%s: %s is off by %g, more than %g", running, want->name, relative, tolerance);
}

/* Puts images first, first + 1, ... into the net, as many as are left of a batch; returns how many. */
static float images[IMAGES * PIXELS * 3];
static int32_t labels[IMAGES];
static size_t put_batch(struct net *net, size_t first) {
    size_t n = IMAGES - first < net->batch ? IMAGES - first : net->batch;
    const float *from = values("golden.", "images", "")->values + first * 3 * PIXELS;
    for (size_t i = 0; i < n * 3 * PIXELS; i++) /* NCHW to NHWC */
        images[(i / (3 * PIXELS) * PIXELS + i % PIXELS) * 3 + i / PIXELS % 3] = from[i];
    for (size_t i = 0; i < n; i++)
        labels[i] = (int32_t)values("golden.", "labels", "")->values[first + i];
    CHECK(dev_write_floats(device, net->input, 0, n * 3 * PIXELS, images));
    CHECK(dev_write(device, net->label, 0, n, labels));
    return n;
}

static void compare_losses(struct net *net, const struct golden_case *c) {
    uint64_t seed = number(c->name, "seed"), first_step = number("", "first_step");
    const struct record *want = values(c->name, "losses", "");
    float losses[STEPS];
    for (size_t step = 0, first = 0; step < STEPS; step++) {
        struct pass pass = net_pass(net, put_batch(net, first), true, seed, first_step + step);
        pass.label_smoothing = c->label_smoothing;
        struct hyperparameters h = c->hyperparameters;
        h.number = (int64_t)step + 1;
        CHECK(net_forward(net, &pass));
        CHECK(net_loss(net, &pass));
        CHECK(net_backward(net, &pass));
        CHECK(net_update(net, &pass, h));
        CHECK(dev_read(device, net->total, 0, 1, &losses[step]));
        losses[step] /= (float)pass.n;
        first = (first + pass.n) % IMAGES;
    }
    assert_near(c, losses, want, length(want), FORWARD);
}

/* Every trained parameter's velocity, which has all steps' gradients in it, and every statistic. The values of a bias
 * are sums of the same terms as those of its layer's weights, and may cancel: they are compared at the longer scale. */
static void compare_parameters(const struct net *net, const struct golden_case *c) {
    double weight = 0;
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        char name[PARAMETER_NAME];
        net_parameter_name(net, i, name);
        const struct record *want = values(c->name, p->trained ? "velocity." : "", name);
        double scale = length(want);
        if (strcmp(p->suffix, "weight") == 0)
            weight = scale;
        else if (strcmp(p->suffix, "bias") == 0)
            scale = fmax(scale, weight);
        float *got = malloc(parameter_count(p) * sizeof *got);
        CHECK(parameter_read(device, p, p->trained ? p->state[0] : p->value, got));
        assert_near(c, got, want, scale, p->trained ? BACKWARD : FORWARD);
        free(got);
    }
}

/* The logits in evaluation, after the training. */
static void compare_logits(struct net *net, const struct golden_case *c) {
    const struct record *want = values(c->name, "logits", "");
    float logits[IMAGES * CLASSES];
    for (size_t first = 0; first < IMAGES; first += net->batch) {
        struct pass pass = net_pass(net, put_batch(net, first), false, 0, 0);
        CHECK(net_forward(net, &pass));
        CHECK(dev_read(device, net_logits(net), 0, pass.n * CLASSES, logits + first * CLASSES));
    }
    assert_near(c, logits, want, length(want), FORWARD);
}

/* The twin's losses are PyTorch's up to the single precision that they and the weights are stored in. */
static void compare_twin(struct net *net, const struct golden_case *c) {
    const struct record *want = values(c->name, "losses", "");
    struct twin *twin;
    CHECK(twin_create(net, &twin));
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        char name[PARAMETER_NAME];
        net_parameter_name(net, i, name);
        CHECK(twin_set(twin, i, values("", "", name)->values));
    }
    for (size_t step = 0, first = 0; step < STEPS; step++) {
        struct pass pass =
            net_pass(net, put_batch(net, first), true, number(c->name, "seed"), number("", "first_step") + step);
        pass.label_smoothing = c->label_smoothing;
        struct hyperparameters h = c->hyperparameters;
        h.number = (int64_t)step + 1;
        h.scale = 1;
        double loss = twin_step(twin, &pass, h, images, labels);
        if (!(fabs(loss - want->values[step]) <= FLT_EPSILON * want->values[step]))
            fail_msg("%s: the twin's loss of step %zu is %.9g, PyTorch's %.9g", running, step, loss,
                     want->values[step]);
        first = (first + pass.n) % IMAGES;
    }
    twin_free(twin);
}

static void compare_case(const char *path, bool bn, const struct golden_case *c, const char *algorithm) {
    struct layer_spec specs[MODEL_LAYERS];
    const struct data_spec data = {32, 32, 3, CLASSES, NULL};
    const struct model_options options = {1.0 / 32, bn, c->dropout, c->dropout != DROPOUT_NONE, false, false};
    const size_t others[] = {IMAGES % c->batch, 0}; /* the last batch may be short */
    size_t count;
    struct net *net;
    CHECK(model_vgg16.build(&model_vgg16, &options, &data, specs, &count));
    CHECK(net_create(context, specs, count, (struct shape){32, 32, 3}, c->batch, others, algorithm, NET_TRAINS,
                     &optimiser_sgd, &net));
    CHECK(net_allocate(net));
    CHECK(checkpoint_load(&golden, path, net, CHECKPOINT_WEIGHTS));
    compare_twin(net, c);
    compare_losses(net, c);
    compare_parameters(net, c);
    compare_logits(net, c);
    net_free(net);
}

static void compare_file(const char *file, bool bn) {
    char path[VGGCL_PATH_MAX];
    snprintf(path, sizeof path, "%s/tests/golden/%s.safetensors", VGGCL_SOURCE_DIR, file);
    CHECK(safetensors_read(path, &golden));
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
        for (int i = -1; i < 0 || conv_algorithms[i]; i++) {
            const char *algorithm = i < 0 ? "auto" : conv_algorithms[i]->name;
            if (i >= 0 && conv_algorithms[i]->matrix) /* not for activations in float */
                continue;
            snprintf(running, sizeof running, "%s %s %s", file, cases[k].name, algorithm);
            compare_case(path, bn, &cases[k], algorithm);
        }
    safetensors_free(&golden);
}

static void with_bn(void **state) {
    (void)state;
    compare_file("bn", true);
}

static void without_bn(void **state) {
    (void)state;
    compare_file("plain", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(with_bn), DEVICE_TEST(without_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
