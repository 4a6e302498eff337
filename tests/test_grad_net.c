/* The gradients of whole networks, by central differences: what layers make of each other's memory included. */
#include "gradient.h"

#include "net/vgg.h"

static const struct shape input = {8, 8, 3};
static const char *const algorithms[] = {"im2col", "winograd2", "winograd4", "winograd4-fused", "kn2row"};

/* Every layer, in the order of a VGG; flattened are images of 2x2. */
static void without_bn(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
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
    for (int i = 0; i < 3; i++)
        check_gradients("without BN", specs, sizeof specs / sizeof *specs, input, algorithms[i]);
}

static void with_bn(void **state) {
    (void)state;
    const struct layer_spec specs[] = {
        {.type = &layer_conv, .name = "conv1_1", .channels = 5},
        {.type = &layer_activation, .name = "bn1_1", .bn = true, .dropout = DROPOUT_CHANNEL, .p = 0.3f},
        {.type = &layer_conv, .name = "conv1_2", .channels = 8},
        {.type = &layer_activation, .name = "bn1_2", .bn = true, .pool = true},
        {.type = &layer_conv, .name = "conv2_1", .channels = 7},
        {.type = &layer_activation, .name = "bn2_1", .bn = true, .pool = true, .dropout = DROPOUT_ELEMENT, .p = 0.4f},
        {.type = &layer_flatten, .name = "flatten"},
        {.type = &layer_linear, .name = "fc", .channels = 10},
    };
    for (int i = 0; i < 3; i++)
        check_gradients("with BN", specs, sizeof specs / sizeof *specs, input, algorithms[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(without_bn), DEVICE_TEST(with_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
