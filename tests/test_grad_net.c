/* Gradient checks of whole networks with central differences, which include the layers' shared memory; gradients of
 * networks with activations as 16-bit floats, compared with those of networks without. */
#include "gradient.h"

#include "check/twin.h"
#include "layers/layer.h"

#include <math.h>
#include <string.h>

static const struct shape input = {8, 8, 3}, odd_input = {11, 7, 1};          /* odd twice: 11x7, 5x3, 2x1 */
static const char *const algorithms[] = {"im2col", "winograd2", "winograd4"}; /* the others are for wider layers */

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* Every layer, in the order of a VGG; flattened are images of 2x2. */
static const struct layer_spec plain_specs[] = {
    {.type = &layer_conv, .name = "conv1_1", .channels = 5},
    {.type = &layer_activation, .name = "relu1_1", .dropout = DROPOUT_ELEMENT, .p = 0.3f},
    {.type = &layer_conv, .name = "conv1_2", .channels = 8},
    {.type = &layer_activation, .name = "relu1_2", .pool = true},
    {.type = &layer_conv, .name = "conv2_1", .channels = 7},
    {.type = &layer_activation, .name = "relu2_1", .dropout = DROPOUT_CHANNEL, .p = 0.4f},
    {.type = &layer_conv, .name = "conv2_2", .channels = 12},
    {.type = &layer_activation, .name = "relu2_2", .pool = true},
    {.type = &layer_flatten, .name = "flatten"},
    {.type = &layer_linear, .name = "fc1", .channels = 16},
    {.type = &layer_activation, .name = "relu1"},
    {.type = &layer_linear, .name = "fc2", .channels = 10},
};

static const struct layer_spec bn_specs[] = {
    {.type = &layer_conv, .name = "conv1_1", .channels = 5},
    {.type = &layer_activation, .name = "bn1_1", .bn = true, .dropout = DROPOUT_CHANNEL, .p = 0.3f},
    {.type = &layer_conv, .name = "conv1_2", .channels = 8},
    {.type = &layer_activation, .name = "bn1_2", .bn = true, .pool = true},
    {.type = &layer_conv, .name = "conv2_1", .channels = 7},
    {.type = &layer_activation, .name = "bn2_1", .bn = true, .pool = true, .dropout = DROPOUT_ELEMENT, .p = 0.4f},
    {.type = &layer_flatten, .name = "flatten"},
    {.type = &layer_linear, .name = "fc", .channels = 10},
};

static void without_bn(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(algorithms); i++)
        check_gradients("without BN", plain_specs, LENGTH(plain_specs), input, algorithms[i]);
}

static void with_bn(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(algorithms); i++)
        check_gradients("with BN", bn_specs, LENGTH(bn_specs), input, algorithms[i]);
}

static void odd_sides(void **state) {
    (void)state;
    check_gradients("without BN, odd sides", plain_specs, LENGTH(plain_specs), odd_input, "winograd2");
    check_gradients("with BN, odd sides", bn_specs, LENGTH(bn_specs), odd_input, "im2col");
}

/* The gradients of the linear layers alone, behind features that batch normalisation makes by running statistics. */
static void frozen(void **state) {
    (void)state;
    check_gradients_of("without BN, frozen", plain_specs, LENGTH(plain_specs), input, "im2col",
                       NET_TRAINS | NET_FREEZES);
    check_gradients_of("with BN, frozen", bn_specs, LENGTH(bn_specs), odd_input, "winograd2", NET_TRAINS | NET_FREEZES);
}

enum { IMAGES = 6 };

/* The net's gradients, as SGD sees them: what it makes of velocities at rest. Batches of 5 are no power of two. */
static struct net *net_with_gradients(const struct layer_spec *specs, size_t count, const char *conv,
                                      enum stored stored) {
    struct net *net;
    size_t pixels = IMAGES * shape_count(input);
    int32_t label[IMAGES];
    for (int i = 0; i < IMAGES; i++)
        label[i] = i * 3 % 10;
    context->stored = stored;
    CHECK(net_create(context, specs, count, input, IMAGES, (const size_t[]){IMAGES - 1, 0}, conv, NET_TRAINS,
                     &optimiser_sgd, &net));
    CHECK(net_allocate(net));
    CHECK(net_start(net, 1));
    CHECK(dev_write(device, net->label, 0, IMAGES, label));
    CHECK(dev_write_floats(device, net->input, 0, pixels, random_normal(pixels, 0, 1)));
    struct pass pass = net_pass(net, IMAGES - 1, true, 1, 2);
    CHECK(net_forward(net, &pass));
    CHECK(net_loss(net, &pass));
    CHECK(net_backward(net, &pass));
    CHECK(net_update(net, &pass, (struct hyperparameters){.number = 1}));
    return net;
}

/* The length of a - b, or of a where b is NULL. */
static double length(const float *a, const float *b, size_t count) {
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        double value = a[i] - (b ? b[i] : 0.0);
        squares += value * value;
    }
    return sqrt(squares);
}

/* Each of some twenty tensors between a parameter and the loss, forward and back, is rounded by up to 2^-11 or 2^-8,
 * which makes sqrt(20) times that where nothing else happens, 2e-3 for 16-bit floats; but a unit that rounding moves
 * across a ReLU's kink, or to another maximum of a window, changes its whole share of the gradient: up to ten times as
 * much with so few images. A wrong scale is off by a factor of two. A bias is compared at its layer's weights' scale:
 * before batch normalisation it has none. */
static void compare_storages(const struct layer_spec *specs, size_t count, const char *conv, enum stored stored) {
    struct net *nets[2];
    double worst = 0, scale = 0;
    for (int i = 0; i < 2; i++) {
        rig_start(&test_rig); /* the same images */
        nets[i] = net_with_gradients(specs, count, conv, i ? stored : STORED_FLOAT);
    }
    for (size_t i = 0; i < net_parameter_count(nets[0]); i++) {
        const struct parameter *p = net_parameter(nets[0], i), *other = net_parameter(nets[1], i);
        if (!p->trained)
            continue;
        const float *gradient = download(p->state[0]);
        double own = length(gradient, NULL, p->state[0].count);
        scale = strcmp(p->suffix, "bias") == 0 ? fmax(scale, own) : own;
        worst = fmax(worst, length(gradient, download(other->state[0]), p->state[0].count) / scale);
    }
    print_message("%s: gradients are off by up to %.1e\n", conv, worst);
    assert_true(worst > 1e-6 && worst < 41 * stored_rounding(stored));
    net_free(nets[0]);
    net_free(nets[1]);
}

static void storages(void **state) {
    (void)state;
    if (interpreted())
        skip(); /* as long as all the rest; the operators' own tests show the kernels */
    for (size_t i = 0; i < LENGTH(algorithms); i++)
        for (enum stored stored = STORED_HALF; stored <= STORED_BF16; stored++) {
            compare_storages(plain_specs, LENGTH(plain_specs), algorithms[i], stored);
            compare_storages(bn_specs, LENGTH(bn_specs), algorithms[i], stored);
        }
}

static struct twin *twin_of(struct net *net) {
    struct twin *twin;
    CHECK(twin_create(net, &twin));
    for (size_t i = 0; i < net_parameter_count(net); i++) {
        const struct parameter *p = net_parameter(net, i);
        float *values = zeros(parameter_count(p) * sizeof *values);
        parameter_start(p, 1, (uint32_t)i, values);
        CHECK(twin_set(twin, i, values));
    }
    return twin;
}

/* The first losses of a training are those of the same training in double precision. */
static void compare_with_twin(const struct layer_spec *specs, size_t count, struct shape shape, enum net_use use) {
    enum { STEPS = 4 };
    struct net *net;
    CHECK(net_create(context, specs, count, shape, IMAGES, NULL, "im2col", use, &optimiser_sgd, &net));
    CHECK(net_allocate(net));
    CHECK(net_start(net, 1));
    struct twin *twin = twin_of(net);
    size_t pixels = IMAGES * shape_count(shape);
    const float *images = random_normal(pixels, 0, 1);
    const int32_t *label = random_labels(IMAGES, net->classes);
    CHECK(dev_write_floats(device, net->input, 0, pixels, images));
    CHECK(dev_write(device, net->label, 0, IMAGES, label));
    for (int step = 0; step < STEPS; step++) {
        const struct hyperparameters h = {.lr = 0.02, .momentum = 0.9, .number = step + 1, .scale = 1};
        struct pass pass = net_pass(net, IMAGES, true, 1, (uint64_t)step);
        float total;
        CHECK(net_forward(net, &pass));
        CHECK(net_loss(net, &pass));
        CHECK(net_backward(net, &pass));
        CHECK(net_update(net, &pass, h));
        CHECK(dev_read(device, net->total, 0, 1, &total));
        double loss = total / IMAGES, exact = twin_step(twin, &pass, h, images, label);
        if (!(fabs(loss - exact) <= 1e-4 * exact))
            fail_msg("%zux%zu: the loss of step %d is %.9g, in double precision %.9g", shape.h, shape.w, step, loss,
                     exact);
    }
    twin_free(twin);
    net_free(net);
}

static void double_precision(void **state) {
    (void)state;
    if (interpreted())
        skip(); /* nothing that the gradient checks do not run */
    const struct shape shapes[] = {input, odd_input, {7, 8, 1}};
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        compare_with_twin(plain_specs, LENGTH(plain_specs), shapes[i], NET_TRAINS);
        compare_with_twin(bn_specs, LENGTH(bn_specs), shapes[i], NET_TRAINS);
    }
    compare_with_twin(plain_specs, LENGTH(plain_specs), input, NET_TRAINS | NET_FREEZES);
    compare_with_twin(bn_specs, LENGTH(bn_specs), odd_input, NET_TRAINS | NET_FREEZES);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(without_bn), DEVICE_TEST(with_bn),  DEVICE_TEST(odd_sides),
                                       DEVICE_TEST(frozen),     DEVICE_TEST(storages), DEVICE_TEST(double_precision)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
