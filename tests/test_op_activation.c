/* The layers between convolutions (batch normalisation, ReLU, pooling, dropout): ties, NaN, in-place operation, dropout
 * rate, pooling of images of odd sizes. */
#include "common.h"

#include "check/check.h"
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
        struct activation a = relu_of(1, 2, 2, 16);
        a.pool = pool;
        x[16 + 3] = x[3 * 16 + 5] = NAN;
        struct tensor y = poisoned_stored(pool ? 16 : 4 * 16);
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
    struct activation a = relu_of(1, 2, 2, 2);
    struct tensor dx = poisoned_stored(8);
    a.pool = true;
    CHECK(activation_backward(device, &a, upload_stored(8, x), upload_stored(2, (const float[]){7, 9}), none, none, dx,
                              none));
    assert_memory_equal(download(dx), expected, sizeof expected);
}

/* An odd height's last row and an odd width's last column are in no window: whatever they hold, y is the same, and they
 * get no gradient. */
static void rest_of_odd_images(void **state) {
    (void)state;
    const float x[2 * 3 * 5] = {1, 5, -1, -2, NAN, 3, 2, -3, -4, NAN, NAN, NAN, NAN, NAN, NAN,
                                4, 1, 2,  8,  NAN, 4, 2, 8,  -4, NAN, NAN, NAN, NAN, NAN, NAN};
    const float expected[4] = {5, 0, 4, 8};
    const float gradients[2 * 3 * 5] = {0, 7, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                        9, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct activation a = relu_of(2, 3, 5, 1);
    struct tensor y = poisoned_stored(4), dx = poisoned_stored(2 * 3 * 5);
    a.pool = true;
    CHECK(activation_forward(device, &a, upload_stored(30, x), y));
    assert_memory_equal(download(y), expected, sizeof expected);
    CHECK(activation_backward(device, &a, upload_stored(30, x), upload_stored(4, (const float[]){7, 8, 9, 10}), none,
                              none, dx, none));
    assert_memory_equal(download(dx), gradients, sizeof gradients);
}

/* With batch normalisation the rest's gradient is that of the statistics, over all 9 pixels: with mean 0, deviation 1
 * and scale 2 it is -2 * (dbeta + x * dgamma) / 9. */
static void rest_of_normalised_images(void **state) {
    (void)state;
    const float x[9] = {1, 2, 3, 4, 8, 5, 6, 7, 9}, zero[1] = {0}, one[1] = {1}, two[1] = {2};
    struct activation a = relu_of(1, 3, 3, 1);
    const struct bn bn = {.scale = upload(1, two),
                          .shift = upload(1, zero),
                          .mean = upload(1, zero),
                          .inverse_deviation = upload(1, one)};
    struct tensor dx = poisoned_stored(9), dgamma = poisoned(1), dbeta = poisoned(1);
    a.pool = true;
    a.bn = &bn;
    CHECK(activation_backward(device, &a, upload_stored(9, x), upload_stored(1, (const float[]){18}), dgamma, dbeta, dx,
                              poisoned(activation_workspace(device, &a))));
    COMPARE("dbeta", dbeta, 1, i, sum_of(18));
    COMPARE("dgamma", dgamma, 1, i, sum_of(18 * 8));
    COMPARE("dx", dx, 8, i, sum_plus(sum_of(i == 4 ? 36 : 0), -2 * (18 + x[i] * 18 * 8) / 9.0));
}

static bool passes(const struct vggcl_check *check, void *payload) {
    size_t *count = payload;
    ++*count;
    if (!check->passed)
        print_error("%s of %s: %s\n", check->name, check->shape, check->fault);
    return check->passed;
}

/* All variants against the reference in double precision. */
static void odd_sizes(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{2, 3, 3, 1, 1}, {3, 7, 7, 16, 1}, {2, 5, 8, 16, 1}, {130, 8, 5, 16, 1}};
    size_t shape_count = sizeof shapes / sizeof *shapes - interpreted(), count = 0;
    for (size_t i = 0; i < shape_count; i++)
        check_shape(context, "activation", shapes[i], SIZE_MAX,
                    &(struct check_report){.checked = passes, .payload = &count});
    assert_true(count >= 20 * shape_count); /* with and without normalisation, pooling and dropout, both directions */
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
    a.mask = (struct dropout_mask){.seed = 1, .purpose = RNG_DROPOUT, .p = 0.3f};
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
        a.mask = (struct dropout_mask){.seed = 1, .step = (uint64_t)step, .purpose = RNG_DROPOUT, .p = 0.4f};
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
        DEVICE_TEST(nan_is_passed_on),
        DEVICE_TEST(ties_of_a_window),
        DEVICE_TEST(in_place),
        HALF_TEST(nan_is_passed_on),
        BF16_TEST(nan_is_passed_on),
        HALF_TEST(ties_of_a_window),
        BF16_TEST(ties_of_a_window),
        HALF_TEST(in_place),
        DEVICE_TEST(rest_of_odd_images),
        HALF_TEST(rest_of_odd_images),
        DEVICE_TEST(rest_of_normalised_images),
        HALF_TEST(rest_of_normalised_images),
        DEVICE_TEST(odd_sizes),
        HALF_TEST(odd_sizes),
        BF16_TEST(odd_sizes),
        DEVICE_TEST(share_of_drops),
        DEVICE_TEST(workspace_is_enough_for_fewer_images),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
