/* Dropout: which coins fall, that they fall alike on the way back, and how many drop. */
#include "common.h"
#include "reference.h"

#include "ops/dropout.h"

#include <math.h>

static const struct coins some = {
    .seed = 0x123456789ABCDEF0, .step = 0x1FEDCBA98, .purpose = RNG_DROPOUT + 3, .p = 0.4f};

/* One rounding for the factor 1 / (1 - p), one for the product. */
enum { ROUNDINGS = 2 };

static void channels(void **state) {
    (void)state;
    static const struct {
        size_t n, plane, c;
    } shapes[] = {{1, 1, 1}, {3, 49, 3}, {3, 64, 16}, {1, 65, 48}, {3, 200, 7}, {2, 4, 6}, {3, 1, 12}, {1, 256, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = shapes[i].n, plane = shapes[i].plane, c = shapes[i].c, count = n * plane * c;
        float *host = random_floats(count, 1, 2);
        struct tensor x = upload(count, host), y = poisoned(count);
        struct exact expected = expected_dropout(count, plane, c, some, host);
        const char *what = text("%zu images of %zu pixels, %zu channels", n, plane, c);
        CHECK(dropout_channel(device, n, plane, c, some, x, y));
        COMPARE(what, y, expected, ROUNDINGS);
        CHECK(dropout_channel(device, n, plane, c, some, x, x));
        COMPARE(what, x, expected, ROUNDINGS);
    }
}

static void elements(void **state) {
    (void)state;
    static const size_t counts[] = {1, 2, 3, 12, 24, 65, 127, 1024, 10007};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t count = counts[i];
        float *host = random_floats(count, 1, 2);
        struct tensor x = upload(count, host), y = poisoned(count);
        struct exact expected = expected_dropout(count, 0, 1, some, host);
        CHECK(dropout_element(device, count, some, x, y));
        COMPARE(text("%zu words", count), y, expected, ROUNDINGS);
        CHECK(dropout_element(device, count, some, x, x));
        COMPARE(text("%zu words in place", count), x, expected, ROUNDINGS);
    }
}

/* The kept ones of count ones, by dropout_channel or dropout_element. */
static float *kept(bool by_channel, size_t count, struct coins coins) {
    float *ones = zeros(count * sizeof *ones);
    for (size_t i = 0; i < count; i++)
        ones[i] = 1;
    struct tensor x = upload(count, ones), y = poisoned(count);
    if (by_channel)
        CHECK(dropout_channel(device, count / 64, 1, 64, coins, x, y));
    else
        CHECK(dropout_element(device, count, coins, x, y));
    return download(y);
}

static void fraction(void **state) {
    (void)state;
    enum { COUNT = 1 << 16 };
    static const float probabilities[] = {0, 0.1f, 0.3f, 0.5f, 0.9f};
    for (int by_channel = 0; by_channel < 2; by_channel++) {
        for (size_t i = 0; i < sizeof probabilities / sizeof *probabilities; i++) {
            struct coins coins = some;
            double p = coins.p = probabilities[i], number = 0, deviation = sqrt(COUNT * p * (1 - p));
            const float *y = kept(by_channel, COUNT, coins);
            for (int k = 0; k < COUNT; k++)
                number += y[k] != 0;
            assert_true(fabs(number - COUNT * (1 - p)) <= 4 * deviation);
        }
    }
}

/* Forward and backward are the same launch: equal coins give equal zeros, whatever the values. */
static void same_coins_again(void **state) {
    (void)state;
    enum { N = 3, PLANE = 35, C = 48, COUNT = N * PLANE * C };
    struct tensor y = poisoned(COUNT), dx = poisoned(COUNT);
    CHECK(dropout_channel(device, N, PLANE, C, some, upload(COUNT, random_floats(COUNT, 1, 2)), y));
    CHECK(dropout_channel(device, N, PLANE, C, some, upload(COUNT, random_floats(COUNT, 1, 2)), dx));
    const float *forward = download(y), *backward = download(dx);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(forward[i] == 0, backward[i] == 0);
}

/* Of two independent throws with p = 1/2, about half agree. */
static void other_coins(void **state) {
    (void)state;
    enum { COUNT = 1 << 14 };
    struct coins base = some;
    base.p = 0.5f;
    struct coins others[] = {base, base, base, base, base};
    others[0].seed ^= 1;
    others[1].seed ^= (uint64_t)1 << 32;
    others[2].step ^= 1;
    others[3].step ^= (uint64_t)1 << 32;
    others[4].purpose ^= 1;
    const float *first = kept(false, COUNT, base);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const float *other = kept(false, COUNT, others[i]);
        int agree = 0;
        for (int k = 0; k < COUNT; k++)
            agree += (first[k] == 0) == (other[k] == 0);
        assert_in_range(agree, COUNT / 2 - 256, COUNT / 2 + 256); /* the standard deviation is 64 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(channels),         DEVICE_TEST(elements),    DEVICE_TEST(fraction),
        DEVICE_TEST(same_coins_again), DEVICE_TEST(other_coins),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
