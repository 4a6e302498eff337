/* Whole networks against PyTorch in double precision: golden values made by tests/golden/make_golden.py. */
#include "common.h"

#include "net/vgg.h"
#include "train/checkpoint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { IMAGES = 6, STEPS = 10 };

static struct safetensors golden;

static const struct record *values(const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const struct record *r = safetensors_find(&golden, full);
    assert_non_null(r);
    return r;
}

/* The distance of got from the golden values is at most tolerance of their length; lengths below 2e-3, such as the
 * gradients of a bias before a batch normalisation, which are sums that cancel to 0, count as 2e-3. */
static void assert_near(const char *what, const float *got, const struct record *want, double tolerance) {
    double length = 0, distance = 0;
    for (size_t i = 0; i < record_count(want); i++) {
        length += (double)want->values[i] * want->values[i];
        distance += ((double)got[i] - want->values[i]) * ((double)got[i] - want->values[i]);
    }
    double relative = sqrt(distance) / fmax(sqrt(length), 2e-3);
    if (!(relative <= tolerance))
        fail_msg("%s: %s is off by %g, more than %g", what, want->name, relative, tolerance);
}

static void put_input(struct net *net) {
    static float images[IMAGES * 32 * 32 * 3];
    int32_t labels[IMAGES];
    const struct record *from = values("golden.", "images"), *classes = values("golden.", "labels");
    for (size_t i = 0; i < IMAGES * 3 * 1024; i++) /* NCHW to NHWC */
        images[(i / 3072 * 1024 + i % 1024) * 3 + i / 1024 % 3] = from->values[i];
    for (size_t i = 0; i < IMAGES; i++)
        labels[i] = (int32_t)classes->values[i];
    CHECK(dev_write(device, net->input, 0, IMAGES * 3072, images));
    CHECK(dev_write(device, net->label, 0, IMAGES, labels));
}

static void compare_parameters(const char *what, const struct net *net, const char *prefix, bool gradients,
                               double tolerance) {
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        struct parameter *p = net_parameter(net, i);
        char name[PARAMETER_NAME];
        if (gradients && !p->trained)
            continue;
        net_parameter_name(net, i, name);
        float *got = malloc(parameter_count(p) * sizeof *got);
        CHECK(parameter_read(device, p, gradients ? p->gradient : p->value, got));
        assert_near(what, got, values(prefix, name), tolerance);
        free(got);
    }
}

static void compare_logits(const char *what, const struct net *net, const char *name) {
    float logits[IMAGES * 10];
    CHECK(dev_read(device, net_logits(net), 0, IMAGES * 10, logits));
    assert_near(what, logits, values("golden.", name), 1e-4);
}

static void compare_net(const char *what, struct net *net) {
    struct pass eval = net_pass(net, IMAGES, false, 0, 0);
    CHECK(net_forward(net, &eval));
    compare_logits(what, net, "logits_eval");
    for (uint64_t step = 0; step < STEPS; step++) {
        struct pass pass = net_pass(net, IMAGES, true, 0, step);
        float total[2];
        CHECK(net_forward(net, &pass));
        CHECK(net_loss(net, &pass));
        CHECK(net_backward(net, &pass));
        if (step == 0) {
            compare_logits(what, net, "logits");
            compare_parameters(what, net, "gradient.", true, 1e-3);
        }
        CHECK(net_update(net, (struct sgd){1e-4, 0.9, 5e-4}));
        CHECK(dev_read(device, net->total, 0, 2, total));
        double want = values("golden.", "losses")->values[step];
        assert_true(fabs(total[0] / IMAGES - want) <= 1e-4 * want);
    }
    compare_parameters(what, net, "after.", false, 1e-3);
}

static void compare_file(const char *file, bool bn) {
    static const char *const algorithms[] = {"auto", "im2col", "winograd2", "winograd4"};
    char path[VGGCL_PATH_MAX];
    struct layer_spec specs[VGG_LAYERS];
    size_t count = vgg_layers((struct vgg){&vgg_models[2], 1.0 / 32, bn, DROPOUT_NONE}, specs);
    snprintf(path, sizeof path, "%s/tests/golden/%s", VGGCL_SOURCE_DIR, file);
    CHECK(safetensors_read(path, &golden));
    for (int i = 0; i < 4; i++) {
        struct net *net;
        CHECK(net_create(device, specs, count, vgg_input, IMAGES, algorithms[i], true, &net));
        CHECK(net_allocate(net));
        CHECK(checkpoint_load(&golden, path, net, CHECKPOINT_WEIGHTS));
        put_input(net);
        compare_net(algorithms[i], net);
        net_free(net);
    }
    safetensors_free(&golden);
}

static void with_bn(void **state) {
    (void)state;
    compare_file("bn.safetensors", true);
}

static void without_bn(void **state) {
    (void)state;
    compare_file("plain.safetensors", false);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(with_bn), DEVICE_TEST(without_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
