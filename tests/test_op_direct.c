/* The direct convolution: which shapes it takes itself, and the same bits every time. */
#include "common.h"

#include "ops/direct.h"

#include <string.h>

static struct conv_scratch scratch(const struct conv_algorithm *a, struct conv_shape s) {
    struct conv_scratch_words words = a->scratch(a, device, s);
    return (struct conv_scratch){poisoned(words.weight), poisoned(words.input), poisoned(words.output)};
}

static const float *forward(const struct conv_algorithm *a, struct conv_shape s, struct tensor x,
                            struct tensor weight) {
    struct tensor y = poisoned(s.n * s.h * s.w * s.o), no_bias = {NULL, 0};
    CHECK(a->forward(a, device, s, x, weight, false, no_bias, y, scratch(a, s)));
    return download(y);
}

static void many_channels_are_left_to_im2col(void **state) {
    (void)state;
    const struct conv_shape s = {2, 5, 7, DIRECT_CHANNELS + 1, 16};
    size_t outputs = s.n * s.h * s.w * s.o, inputs = s.n * s.h * s.w * s.c, weights = 9 * s.c * s.o;
    struct tensor x = upload(inputs, random_floats(inputs, -1, 1)), w = upload(weights, random_floats(weights, -1, 1));
    assert_memory_equal(forward(&conv_direct, s, x, w), forward(&conv_im2col, s, x, w), outputs * sizeof(float));
}

/* The slabs' sums do not depend on which is done first. */
static void the_same_every_time(void **state) {
    (void)state;
    const struct conv_shape s = {9, 32, 32, 3, 48};
    size_t inputs = s.n * s.h * s.w * s.c, outputs = s.n * s.h * s.w * s.o, weights = 9 * s.c * s.o;
    struct tensor x = upload(inputs, random_floats(inputs, -1, 1)), dy = upload(outputs, random_floats(outputs, -1, 1));
    const float *got[2];
    assert_in_range(direct_slabs(s), 2, s.n * s.h);
    for (int i = 0; i < 2; i++) {
        struct tensor dweight = poisoned(weights);
        CHECK(conv_direct.weight_gradient(&conv_direct, device, s, x, dy, dweight, scratch(&conv_direct, s)));
        got[i] = download(dweight);
    }
    assert_memory_equal(got[0], got[1], weights * sizeof(float));
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(many_channels_are_left_to_im2col), DEVICE_TEST(the_same_every_time)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
