/* The gradients of whole networks, by central differences: what layers make of each other's memory included. */
#include "gradient.h"

#include "net/vgg.h"

static const struct shape input = {8, 8, 3};
static const char *const algorithms[] = {"im2col", "winograd2", "winograd4"};

/* Every layer, in the order of a VGG; flattened are images of 2x2. */
static void without_bn(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
        {&layer_conv, "conv1_1", 5, 0},
        {&layer_relu, "relu1_1", 0, 0},
        {&layer_dropout_element, "dropout1_1", 0, 0.3f},
        {&layer_conv, "conv1_2", 8, 0},
        {&layer_relu, "relu1_2", 0, 0},
        {&layer_pool, "pool1_2", 0, 0},
        {&layer_conv, "conv2_1", 7, 0},
        {&layer_relu, "relu2_1", 0, 0},
        {&layer_dropout_channel, "dropout2_1", 0, 0.4f},
        {&layer_conv, "conv2_2", 12, 0},
        {&layer_relu, "relu2_2", 0, 0},
        {&layer_pool, "pool2_2", 0, 0},
        {&layer_flatten, "flatten", 0, 0},
        {&layer_linear, "fc1", 16, 0},
        {&layer_relu, "relu1", 0, 0},
        {&layer_linear, "fc2", 10, 0},
    };
    for (int i = 0; i < 3; i++)
        check_gradients("without BN", specs, sizeof specs / sizeof *specs, input, algorithms[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(without_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
