/* What stands between convolutions, at its edges: ties, NaN, work in place, how often dropout drops. */
#include "common.h"

#include "ops/activation.h"

#include <math.h>

static const struct tensor none = {0};

static struct activation relu_of(size_t n, size_t h, size_t w, size_t c) {
    return (struct activation){.n = n, .h = h, .w = w, .c = c};
}

/* A NaN must reach the loss, which is watched. */
static void nan_is_passed_on(void **state) {
    (void)state;
    for (int pool = 0; pool < 2; pool++) {
        float *x = random_floats(4 * 16, -1, 1);
        struct activation a = relu_of(1, pool ? 1 : 2, pool ? 1 : 2, 16);
        a.pool = pool;
        x[16 + 3] = x[3 * 16 + 5] = NAN;
        struct tensor y = poisoned_stored(a.h * a.w * a.c);
        CHECK(activation_forward(device, &a, upload_stored(4 * 16, x), y));
        const float *got = download(y);
        int count = 0;
        for (size_t i = 0; i < y.count; i++)
            count += isnan(got[i]);
        assert_int_equal(count, 2);
        assert_true(isnan(got[pool ? 3 : 16 + 3]) && isnan(got[pool ? 5 : 3 * 16 + 5]));
    }
}

/* Of equal pixels in a window the first one gets the gradient, as in PyTorch; where none is positive, none does. */
static void ties_of_a_window(void **state) {
    (void)state;
    const float x[8] = {2, -1, 2, -1, 2, -3, 1, -2}; /* 2 x 2 pixels of 2 channels */
    const float expected[8] = {7, 0, 0, 0, 0, 0, 0, 0};
    struct activation a = relu_of(1, 1, 1, 2);
    struct tensor dx = poisoned_stored(8);
    a.pool = true;
    CHECK(activation_backward(device, &a, upload_stored(8, x), upload_stored(2, (const float[]){7, 9}), none, none, dx,
                              none));
    assert_memory_equal(download(dx), expected, sizeof expected);
}

/* In place y has lost what was negative, but no gradient passes there anyway. */
static void in_place(void **state) {
    (void)state;
    enum { COUNT = 3 * 5 * 7 * 16 };
    struct activation a = relu_of(3, 5, 7, 16);
    float *x = random_floats(COUNT, -1, 1), *dy = random_floats(COUNT, -1, 1);
    struct tensor apart = poisoned_stored(COUNT), dx = poisoned_stored(COUNT);
    struct tensor y = upload_stored(COUNT, x), gradient = upload_stored(COUNT, dy);
    a.dropout = DROPOUT_CHANNEL;
    a.coins = (struct coins){.seed = 1, .purpose = RNG_DROPOUT, .p = 0.3f};
    CHECK(activation_forward(device, &a, upload_stored(COUNT, x), apart));
    CHECK(activation_forward(device, &a, y, y));
    assert_memory_equal(download(y), download(apart), COUNT * sizeof(float));
    CHECK(activation_backward(device, &a, upload_stored(COUNT, x), upload_stored(COUNT, dy), none, none, dx, none));
    CHECK(activation_backward(device, &a, y, gradient, none, none, gradient, none));
    const float *got = download(gradient), *expected = download(dx);
    for (int i = 0; i < COUNT; i++)
        assert_true(got[i] == expected[i]); /* 0 and -0 are the same */
}

/* The share of drops is within five standard deviations of p; another step drops others. */
static void share_of_drops(void **state) {
    (void)state;
    enum { COUNT = 1 << 16 };
    float *x = random_floats(COUNT, 1, 2);
    struct activation a = relu_of(COUNT / 64, 1, 1, 64);
    struct tensor ones = upload(COUNT, x);
    const float *y[2];
    a.dropout = DROPOUT_ELEMENT;
    for (int step = 0; step < 2; step++) {
        a.coins = (struct coins){.seed = 1, .step = (uint64_t)step, .purpose = RNG_DROPOUT, .p = 0.4f};
        struct tensor out = poisoned(COUNT);
        CHECK(activation_forward(device, &a, ones, out));
        y[step] = download(out);
    }
    double drops = 0, both = 0, deviation = sqrt(COUNT * 0.4 * 0.6), deviation_of_both = sqrt(COUNT * 0.16 * 0.84);
    for (int i = 0; i < COUNT; i++) {
        drops += y[0][i] == 0;
        both += y[0][i] == 0 && y[1][i] == 0;
    }
    assert_true(fabs(drops - 0.4 * COUNT) < 5 * deviation);
    assert_true(fabs(both - 0.16 * COUNT) < 5 * deviation_of_both);
}

static void workspace_is_enough_for_fewer_images(void **state) {
    (void)state;
    const struct bn bn = {.mean = none};
    for (size_t n = 2; n < 600; n++) {
        struct activation more = relu_of(n, 7, 5, 16), fewer = relu_of(n - 1, 7, 5, 16);
        more.bn = fewer.bn = &bn;
        assert_true(activation_workspace(device, &fewer) <= activation_workspace(device, &more));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(nan_is_passed_on), DEVICE_TEST(ties_of_a_window),
        DEVICE_TEST(in_place),         HALF_TEST(nan_is_passed_on),
        HALF_TEST(ties_of_a_window),   HALF_TEST(in_place),
        DEVICE_TEST(share_of_drops),   DEVICE_TEST(workspace_is_enough_for_fewer_images),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
