/* The rectifier and its gradient; every number of words has its own vector width. */
#include "common.h"

#include "ops/relu.h"

#include <math.h>

static const size_t counts[] = {1, 2, 3, 7, 12, 13, 24, 48, 64, 65, 127, 1024, 5000};
enum { COUNTS = sizeof counts / sizeof *counts };

static struct exact expected_forward(size_t count, const float *x) {
    struct exact y = exact_copy(count, x);
    for (size_t i = 0; i < count; i++)
        if (x[i] < 0)
            y.value[i] = 0;
    return y;
}

/* With zeros, infinities and NaNs where there is room for them. */
static float *values(size_t count) {
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN};
    float *x = random_floats(count, -1, 1);
    for (size_t i = 0; i < sizeof special / sizeof *special && 2 * i + 1 < count; i++)
        x[2 * i + 1] = special[i];
    return x;
}

static void forward(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNTS; i++) {
        size_t count = counts[i];
        float *host = values(count);
        struct tensor x = upload(count, host), y = poisoned(count);
        CHECK(relu_forward(device, count, x, y));
        COMPARE(text("%zu words", count), y, expected_forward(count, host), 0);
        CHECK(relu_forward(device, count, x, x));
        COMPARE(text("%zu words in place", count), x, expected_forward(count, host), 0);
    }
}

static void backward(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNTS; i++) {
        size_t count = counts[i];
        float *y_host = values(count), *dy_host = random_floats(count, -1, 1);
        struct exact expected = exact_copy(count, dy_host);
        for (size_t k = 0; k < count; k++)
            if (!(y_host[k] > 0))
                expected.value[k] = 0;
        struct tensor y = upload(count, y_host), dy = upload(count, dy_host), dx = poisoned(count);
        CHECK(relu_backward(device, count, y, dy, dx));
        COMPARE(text("%zu words", count), dx, expected, 0);
        CHECK(relu_backward(device, count, y, dy, dy));
        COMPARE(text("%zu words in place", count), dy, expected, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(forward), DEVICE_TEST(backward)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
