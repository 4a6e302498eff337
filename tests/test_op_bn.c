/* Batch normalisation: training, its gradient, inference, and inputs far from zero. */
#include "common.h"
#include "reference.h"

#include "ops/bn.h"
#include "ops/channel.h"

#include <math.h>

static const struct {
    size_t pixels, c;
} shapes[] = {{1, 1}, {2, 3}, {15, 16}, {17, 48}, {65, 13}, {127, 64}, {5000, 2}, {300, 127}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

struct fixture {
    struct expected_bn host;
    struct bn bn;
};

static struct fixture make(size_t c) {
    struct fixture f;
    f.host.gamma = random_floats(c, -2, 2);
    f.host.beta = random_floats(c, -1, 1);
    f.host.running_mean = random_floats(c, -1, 1);
    f.host.running_variance = random_floats(c, 0.1, 2);
    f.bn.gamma = upload(c, f.host.gamma);
    f.bn.beta = upload(c, f.host.beta);
    f.bn.running_mean = upload(c, f.host.running_mean);
    f.bn.running_variance = upload(c, f.host.running_variance);
    f.bn.mean = poisoned(c);
    f.bn.inverse_deviation = poisoned(c);
    f.bn.scale = poisoned(c);
    f.bn.shift = poisoned(c);
    return f;
}

/* A term of a sum over all pixels goes through so many additions: its slab's, then the slabs'. */
static double additions(size_t pixels) {
    return (double)(channel_slab_rows(pixels) + channel_slabs(pixels)) + 4;
}

static const char *name(size_t i) {
    return text("%zu pixels of %zu channels", shapes[i].pixels, shapes[i].c);
}

static void train(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        size_t pixels = shapes[i].pixels, c = shapes[i].c;
        struct fixture f = make(c);
        float *x = random_normal(pixels * c, 0.5, 2);
        struct tensor y = poisoned(pixels * c);
        CHECK(bn_train(device, pixels, c, &f.bn, upload(pixels * c, x), y, poisoned(bn_workspace(pixels, c))));
        struct expected_bn_result expected = expected_bn_train(pixels, c, &f.host, x);
        double roundings = additions(pixels);
        COMPARE(name(i), f.bn.mean, expected.mean, roundings);
        COMPARE(name(i), f.bn.inverse_deviation, expected.inverse_deviation, roundings);
        COMPARE(name(i), f.bn.running_mean, expected.running_mean, roundings);
        COMPARE(name(i), f.bn.running_variance, expected.running_variance, roundings);
        COMPARE(name(i), y, expected.y, 2 * roundings); /* the mean's error and the deviation's */
    }
}

static void backward(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        size_t pixels = shapes[i].pixels, c = shapes[i].c;
        struct fixture f = make(c);
        float *x = random_normal(pixels * c, 0.5, 2), *dy = random_floats(pixels * c, -1, 1);
        struct tensor x_device = upload(pixels * c, x), dy_device = upload(pixels * c, dy);
        struct tensor workspace = poisoned(bn_workspace(pixels, c)), dx = poisoned(pixels * c);
        struct tensor dgamma = poisoned(c), dbeta = poisoned(c);
        CHECK(bn_train(device, pixels, c, &f.bn, x_device, poisoned(pixels * c), workspace));
        CHECK(bn_backward(device, pixels, c, &f.bn, x_device, dy_device, dgamma, dbeta, dx, workspace));
        struct expected_bn_gradient expected = expected_bn_backward(pixels, c, &f.host, x, dy);
        double roundings = additions(pixels);
        COMPARE(name(i), dbeta, expected.dbeta, roundings);
        COMPARE(name(i), dgamma, expected.dgamma, 3 * roundings); /* its own, the mean's and the deviation's */
        COMPARE(name(i), dx, expected.dx, 5 * roundings);         /* the normalised value comes in twice */
        CHECK(bn_backward(device, pixels, c, &f.bn, x_device, dy_device, dgamma, dbeta, dy_device, workspace));
        COMPARE(name(i), dy_device, exact_copy(pixels * c, download(dx)), 0);
    }
}

static void infer(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        size_t pixels = shapes[i].pixels, c = shapes[i].c;
        struct fixture f = make(c);
        float *x = random_normal(pixels * c, 0, 2);
        struct tensor y = poisoned(pixels * c);
        CHECK(bn_infer(device, pixels, c, &f.bn, upload(pixels * c, x), y));
        COMPARE(name(i), y, expected_bn_infer(pixels, c, &f.host, x), 8);
        COMPARE(name(i), f.bn.running_mean, exact_copy(c, f.host.running_mean), 0);
        COMPARE(name(i), f.bn.running_variance, exact_copy(c, f.host.running_variance), 0);
    }
}

/* The squares' mean minus the mean's square would leave nothing of a deviation of 1 beside a mean of 1000. */
static void large_mean(void **state) {
    (void)state;
    enum { PIXELS = 4099, C = 16 };
    struct fixture f = make(C);
    float *x = random_normal(PIXELS * C, 1000, 1);
    struct tensor y = poisoned(PIXELS * C);
    CHECK(bn_train(device, PIXELS, C, &f.bn, upload(PIXELS * C, x), y, poisoned(bn_workspace(PIXELS, C))));
    struct expected_bn_result expected = expected_bn_train(PIXELS, C, &f.host, x);
    const float *got = download(y), *inverse = download(f.bn.inverse_deviation);
    for (int i = 0; i < PIXELS * C; i++)
        assert_true(fabs(got[i] - expected.y.value[i]) < 1e-3);
    for (int k = 0; k < C; k++)
        assert_true(fabs(inverse[k] - expected.inverse_deviation.value[k]) < 1e-4);
}

static void constant_input(void **state) {
    (void)state;
    enum { PIXELS = 37, C = 3 };
    struct fixture f = make(C);
    float *x = zeros(PIXELS * C * sizeof *x);
    for (int i = 0; i < PIXELS * C; i++)
        x[i] = 2.5f;
    struct tensor y = poisoned(PIXELS * C);
    CHECK(bn_train(device, PIXELS, C, &f.bn, upload(PIXELS * C, x), y, poisoned(bn_workspace(PIXELS, C))));
    COMPARE("a constant", y, expected_bn_train(PIXELS, C, &f.host, x).y, 2 * additions(PIXELS));
}

static void the_same_every_time(void **state) {
    (void)state;
    enum { PIXELS = 1000, C = 48 };
    struct fixture f = make(C);
    struct tensor x = upload(PIXELS * C, random_normal(PIXELS * C, 0, 1)), first = poisoned(PIXELS * C);
    struct tensor again = poisoned(PIXELS * C), workspace = poisoned(bn_workspace(PIXELS, C));
    CHECK(bn_train(device, PIXELS, C, &f.bn, x, first, workspace));
    CHECK(bn_train(device, PIXELS, C, &f.bn, x, again, workspace));
    assert_memory_equal(download(first), download(again), PIXELS * C * sizeof(float));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(train),      DEVICE_TEST(backward),       DEVICE_TEST(infer),
        DEVICE_TEST(large_mean), DEVICE_TEST(constant_input), DEVICE_TEST(the_same_every_time),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
