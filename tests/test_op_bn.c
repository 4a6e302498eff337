/* Batch normalisation's statistics for difficult inputs: far from zero, or all equal; identical bits in every run. */
#include "common.h"

#include "ops/bn.h"

#include <math.h>

/* Statistics of x[pixels][c] with gamma 1, beta 0. */
static struct bn statistics(size_t pixels, size_t c, const float *x) {
    float *zero = zeros(c * sizeof *zero), *one = zeros(c * sizeof *one);
    for (size_t k = 0; k < c; k++)
        one[k] = 1;
    struct bn bn = {.gamma = upload(c, one),
                    .beta = upload(c, zero),
                    .running_mean = upload(c, zero),
                    .running_variance = upload(c, one),
                    .mean = poisoned(c),
                    .variance = poisoned(c),
                    .inverse_deviation = poisoned(c),
                    .scale = poisoned(c),
                    .shift = poisoned(c)};
    struct tensor partial = poisoned(bn_partial_words(bn_slabs(device, pixels), c));
    CHECK(bn_partial(device, pixels, c, upload(pixels * c, x), partial));
    CHECK(bn_finish(device, bn_slabs(device, pixels), c, &bn, partial));
    return bn;
}

/* The squares' mean minus the mean's square would leave nothing of a deviation of 1 beside a mean of 1000. */
static void large_mean(void **state) {
    (void)state;
    enum { PIXELS = 4099, C = 16 };
    const float *x = random_normal(PIXELS * C, 1000, 1);
    struct bn bn = statistics(PIXELS, C, x);
    const float *mean = download(bn.mean), *inverse = download(bn.inverse_deviation);
    for (int k = 0; k < C; k++) {
        double sum = 0, squares = 0;
        for (int i = k; i < PIXELS * C; i += C)
            sum += x[i];
        for (int i = k; i < PIXELS * C; i += C)
            squares += pow(x[i] - sum / PIXELS, 2);
        assert_true(fabs(mean[k] - sum / PIXELS) < 1e-3);
        assert_true(fabs(inverse[k] - 1 / sqrt(squares / PIXELS + 1e-5)) < 1e-4);
    }
}

/* The variance is 0: epsilon alone is left. */
static void constant_input(void **state) {
    (void)state;
    enum { PIXELS = 37, C = 3 };
    float *x = zeros(PIXELS * C * sizeof *x);
    for (int i = 0; i < PIXELS * C; i++)
        x[i] = 2.5f;
    struct bn bn = statistics(PIXELS, C, x);
    const float *scale = download(bn.scale), *shift = download(bn.shift);
    for (int k = 0; k < C; k++) {
        assert_true(fabs(scale[k] - 1 / sqrt(1e-5)) < 1e-3);
        assert_true(fabs(2.5 * scale[k] + shift[k]) < 1e-3);
    }
}

/* An unbiased variance of one pixel would divide by zero. */
static void one_pixel(void **state) {
    (void)state;
    struct bn bn = statistics(1, 2, (const float[]){3, -4});
    const float *variance = download(bn.variance), *mean = download(bn.mean);
    assert_true(variance[0] == 0 && variance[1] == 0 && mean[0] == 3 && mean[1] == -4);
}

/* Running statistics move a tenth of the way, and not at all once a loss was not finite. */
static void moving(void **state) {
    (void)state;
    enum { C = 7 };
    const float *batch = random_floats(C, -1, 1), *old = random_floats(C, -1, 1);
    for (int failed = 0; failed < 2; failed++) {
        struct tensor running = upload(C, old);
        CHECK(bn_move(device, upload(1, &failed), running, upload(C, batch)));
        COMPARE(failed ? "failed" : "moving", running, 4, k,
                sum_of(failed ? old[k] : old[k] + 0.1 * ((double)batch[k] - old[k])));
    }
}

/* A last batch is shorter, and may be cut into more slabs than a whole one. */
static void workspace_is_enough_for_fewer_pixels(void **state) {
    (void)state;
    for (size_t pixels = 1; pixels < 20000; pixels++) {
        assert_true(bn_workspace(device, pixels, 16) <= bn_workspace(device, pixels + 1, 16));
        assert_true(bn_partial_words(bn_slabs(device, pixels), 16) <= bn_workspace(device, pixels, 16));
    }
}

static void the_same_every_time(void **state) {
    (void)state;
    enum { PIXELS = 1000, C = 48 };
    const float *x = random_normal(PIXELS * C, 0, 1);
    struct bn first = statistics(PIXELS, C, x), again = statistics(PIXELS, C, x);
    assert_memory_equal(download(first.mean), download(again.mean), C * sizeof(float));
    assert_memory_equal(download(first.inverse_deviation), download(again.inverse_deviation), C * sizeof(float));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(large_mean), DEVICE_TEST(constant_input),
        DEVICE_TEST(one_pixel),  DEVICE_TEST(workspace_is_enough_for_fewer_pixels),
        DEVICE_TEST(moving),     DEVICE_TEST(the_same_every_time),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
