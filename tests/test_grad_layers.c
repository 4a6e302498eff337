/* Each layer's gradients, by central differences: its parameters' by themselves, and that of its input by what it
 * makes of the gradient of the convolution before it. */
#include "gradient.h"

static const struct layer_spec first = {&layer_conv, "conv1", 6, 0};
static const struct shape input = {5, 6, 3};

/* A convolution, the layer, and a linear layer on everything that comes out. */
static void check_layer(struct layer_spec layer, struct shape shape, const char *conv) {
    const struct layer_spec specs[] = {first, layer, {&layer_flatten, "flatten", 0, 0}, {&layer_linear, "fc", 5, 0}};
    check_gradients(layer.name, specs, 4, shape, conv);
}

static void conv(void **state) {
    (void)state;
    const char *const algorithms[] = {"im2col", "winograd2", "winograd4"};
    for (int i = 0; i < 3; i++) {
        check_layer((struct layer_spec){&layer_conv, "conv2", 4, 0}, input, algorithms[i]);
        check_layer((struct layer_spec){&layer_conv, "conv2 of 1x1", 5, 0}, (struct shape){1, 1, 4}, algorithms[i]);
    }
}

static void bn(void **state) {
    (void)state;
    check_layer((struct layer_spec){&layer_bn, "bn", 0, 0}, input, "im2col");
}

static void relu(void **state) {
    (void)state;
    check_layer((struct layer_spec){&layer_relu, "relu", 0, 0}, input, "im2col");
}

static void dropout(void **state) {
    (void)state;
    check_layer((struct layer_spec){&layer_dropout_channel, "dropout of channels", 0, 0.4f}, input, "im2col");
    check_layer((struct layer_spec){&layer_dropout_element, "dropout of elements", 0, 0.4f}, input, "im2col");
}

static void pool(void **state) {
    (void)state;
    check_layer((struct layer_spec){&layer_pool, "pool", 0, 0}, input, "im2col");
    check_layer((struct layer_spec){&layer_pool, "pool to 1x1", 0, 0}, (struct shape){3, 3, 2}, "im2col");
}

static void flatten(void **state) {
    (void)state;
    const struct layer_spec specs[] = {first, {&layer_flatten, "flatten", 0, 0}, {&layer_linear, "fc", 7, 0}};
    check_gradients("flatten 5x6", specs, 3, input, "im2col");
    check_gradients("flatten 1x1", specs, 3, (struct shape){1, 1, 4}, "im2col");
}

/* And the gradient that the loss begins with. */
static void linear(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
        {&layer_flatten, "flatten", 0, 0}, {&layer_linear, "fc1", 16, 0}, {&layer_linear, "fc2", 10, 0}};
    check_gradients("linear", specs, 3, input, "im2col");
    check_gradients("softmax", specs, 2, input, "im2col");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(conv), DEVICE_TEST(bn),      DEVICE_TEST(relu),   DEVICE_TEST(dropout),
        DEVICE_TEST(pool), DEVICE_TEST(flatten), DEVICE_TEST(linear),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
