/* Gradient checks of each layer with central differences: its parameters directly, its input through the parameters of
 * the convolution before it. */
#include "gradient.h"

#include <stdio.h>

static const struct layer_spec first = {.type = &layer_conv, .name = "conv1", .channels = 6};
static const struct shape input = {5, 6, 3};

/* A convolution, the layer, and a linear layer on everything that comes out. */
static void check_layer(const char *what, struct layer_spec layer, struct shape shape, const char *conv) {
    const struct layer_spec specs[] = {first,
                                       layer,
                                       {.type = &layer_flatten, .name = "flatten"},
                                       {.type = &layer_linear, .name = "fc", .channels = 5}};
    check_gradients(what, specs, 4, shape, conv);
}

static void conv(void **state) {
    (void)state;
    const char *const algorithms[] = {"im2col", "winograd2", "winograd4"};
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        check_layer("conv2", (struct layer_spec){.type = &layer_conv, .name = "conv2", .channels = 4}, input,
                    algorithms[i]);
        check_layer("conv2 of 1x1", (struct layer_spec){.type = &layer_conv, .name = "conv2", .channels = 5},
                    (struct shape){1, 1, 4}, algorithms[i]);
    }
    check_layer("conv2 of 2x2", (struct layer_spec){.type = &layer_conv, .name = "conv2", .channels = 4},
                (struct shape){2, 2, 4}, "winograd2-lone");
}

/* Every combination that an activation knows. */
static void check_activations(struct shape shape) {
    for (int i = 0; i < 12; i++) {
        struct layer_spec spec = {
            .type = &layer_activation, .bn = i % 2, .pool = i / 2 % 2, .dropout = i / 4, .p = 0.4f};
        static const char *const dropouts[] = {"", ", channel dropout", ", element dropout"};
        if (spec.pool && spec.dropout == DROPOUT_CHANNEL)
            continue; /* in no network: dropout of channels stands between the convolutions of a stage */
        snprintf(spec.name, sizeof spec.name, "%srelu%s", spec.bn ? "bn, " : "", spec.pool ? ", pool" : "");
        if (!spec.pool && shape.h % 2)
            continue; /* only pooling tells odd sizes from even ones */
        check_layer(text("%s%s of %zux%zu", spec.name, dropouts[spec.dropout], shape.h, shape.w), spec, shape,
                    "im2col");
    }
}

static void activation(void **state) {
    (void)state;
    check_activations((struct shape){6, 4, 3});
}

static void activation_of_odd_images(void **state) {
    (void)state;
    check_activations((struct shape){7, 5, 3});
    check_activations((struct shape){3, 4, 1});
}

static void pool_of_thin_images(void **state) {
    (void)state;
    const struct layer_spec specs[] = {first, {.type = &layer_activation, .name = "relu1", .pool = true}};
    const struct shape thin = {1, 6, 3};
    struct net *net;
    CHECK_FAILS(net_create(context, specs, 2, thin, 1, NULL, "im2col", NET_TRAINS, &optimiser_sgd, &net), VGGCL_EUSAGE,
                "relu1", "2x2", "1x6");
}

static void flatten(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
        first, {.type = &layer_flatten, .name = "flatten"}, {.type = &layer_linear, .name = "fc", .channels = 7}};
    check_gradients("flatten 5x6", specs, 3, input, "im2col");
    check_gradients("flatten 1x1", specs, 3, (struct shape){1, 1, 4}, "im2col");
}

static void average_pooling(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
        first, {.type = &layer_avgpool, .name = "avgpool"}, {.type = &layer_linear, .name = "fc", .channels = 7}};
    check_gradients("avgpool 5x6", specs, 3, input, "im2col");
    check_gradients("avgpool 1x1", specs, 3, (struct shape){1, 1, 4}, "im2col");
}

/* And the gradient that the loss begins with. */
static void linear(void **state) {
    (void)state;
    const struct layer_spec specs[] = {{.type = &layer_flatten, .name = "flatten"},
                                       {.type = &layer_linear, .name = "fc1", .channels = 16},
                                       {.type = &layer_linear, .name = "fc2", .channels = 10}};
    check_gradients("linear", specs, 3, input, "im2col");
    check_gradients("softmax", specs, 2, input, "im2col");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(conv),
        DEVICE_TEST(activation),
        DEVICE_TEST(activation_of_odd_images),
        DEVICE_TEST(pool_of_thin_images),
        DEVICE_TEST(flatten),
        DEVICE_TEST(average_pooling),
        DEVICE_TEST(linear),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
