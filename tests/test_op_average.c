/* Moving averages, and swapping tensors with their averages. */
#include "common.h"

#include "ops/average.h"

#include <math.h>

static const size_t counts[] = {1, 3, 24, 65, 10007};
enum { COUNTS = sizeof counts / sizeof *counts };

static struct sum moved(double share, double old, double value) {
    return (struct sum){old + share * (value - old), fabs(old) + share * (fabs(old) + fabs(value))};
}

/* None, some and all of the way, and not at all once a loss was not finite. */
static void moving(void **state) {
    (void)state;
    static const double shares[] = {0, 0.001, 0.1, 0.5, 1};
    for (size_t i = 0; i < COUNTS * sizeof shares / sizeof *shares; i++) {
        size_t n = counts[i % COUNTS];
        double share = shares[i / COUNTS];
        const float *value = random_floats(n, -1, 1), *old = random_floats(n, -1, 1);
        for (int32_t failed = 0; failed < 2; failed++) {
            struct tensor average = upload(n, old);
            CHECK(average_move(device, upload(1, &failed), share, average, upload(n, value)));
            COMPARE(text("%zu words, share %g, failed %d", n, share, failed), average, 4, k,
                    moved(failed ? 0 : share, old[k], value[k]));
        }
    }
}

static void swapping(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNTS; i++) {
        size_t n = counts[i];
        const float *a = random_floats(n, -1, 1), *b = random_floats(n, -1, 1);
        struct tensor first = upload(n, a), second = upload(n, b);
        CHECK(average_swap(device, first, second));
        COMPARE("first", first, 0, k, sum_exactly(b[k]));
        COMPARE("second", second, 0, k, sum_exactly(a[k]));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(moving), DEVICE_TEST(swapping)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
