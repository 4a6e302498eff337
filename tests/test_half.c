/* All 16-bit floats, and all bfloat16, on the host, compared with the definition of IEEE 754. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/half.h"
#include "base/stored.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* From the sign, the exponent and the fraction. */
static double defined(unsigned half) {
    int exponent = half >> 10 & 31, fraction = half & 0x3FF;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 31)
        magnitude = fraction ? NAN : INFINITY;
    return half & 0x8000 ? -magnitude : magnitude;
}

static void to_float(void **state) {
    (void)state;
    for (unsigned half = 0; half < 0x10000; half++) {
        float got = half_to_float((uint16_t)half);
        assert_true(got == defined(half) || (isnan(got) && isnan(defined(half))));
        assert_int_equal(!!signbit(got), half >> 15);
        if (!isnan(got))
            assert_int_equal(half_from_float(got), half);
    }
}

/* At the middle between two neighbours the even one is taken, beside it the nearer one. */
static void rounds_to_nearest(void **state) {
    (void)state;
    for (unsigned half = 0; half < 0x7C00; half++) {
        double next = half == 0x7BFF ? 65536 : defined(half + 1);
        float middle = (float)((defined(half) + next) / 2);
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            float factor = sign ? -1 : 1;
            assert_int_equal(half_from_float(factor * middle), sign | (half + (half & 1)));
            assert_int_equal(half_from_float(factor * nextafterf(middle, 0)), sign | half);
            assert_int_equal(half_from_float(factor * nextafterf(middle, INFINITY)), sign | (half + 1));
        }
    }
}

static void extremes(void **state) {
    (void)state;
    assert_int_equal(half_from_float(INFINITY), 0x7C00);
    assert_int_equal(half_from_float(-INFINITY), 0xFC00);
    assert_int_equal(half_from_float(1e38f), 0x7C00);
    assert_int_equal(half_from_float(-1e-38f), 0x8000);
    assert_true(isnan(half_to_float(half_from_float(NAN))));
    assert_true(half_to_float(half_from_float((float)HALF_LARGEST)) == HALF_LARGEST);
    assert_true(half_to_float(half_from_float((float)HALF_SMALLEST)) == HALF_SMALLEST);
}

/* A bfloat16 is a float whose lower 16 bits are 0. */
static void every_bf16(void **state) {
    (void)state;
    for (unsigned bf16 = 0; bf16 < 0x10000; bf16++) {
        int exponent = bf16 >> 7 & 0xFF, fraction = bf16 & 0x7F;
        double magnitude = exponent ? ldexp(128 + fraction, exponent - 134) : ldexp(fraction, -133);
        float got = bf16_to_float((uint16_t)bf16);
        if (exponent == 0xFF)
            magnitude = fraction ? NAN : INFINITY;
        assert_true(fabs(got) == magnitude || (isnan(got) && isnan(magnitude)));
        assert_int_equal(!!signbit(got), bf16 >> 15);
        if (isnan(got))
            assert_true(isnan(bf16_to_float(bf16_from_float(got))));
        else
            assert_int_equal(bf16_from_float(got), bf16);
    }
}

static void rounds_to_bf16(void **state) {
    (void)state;
    for (unsigned bf16 = 0; bf16 < 0x7F80; bf16++) {
        double next = bf16 == 0x7F7F ? 0x1p128 : bf16_to_float((uint16_t)(bf16 + 1));
        float middle = (float)((bf16_to_float((uint16_t)bf16) + next) / 2);
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            float factor = sign ? -1 : 1;
            assert_int_equal(bf16_from_float(factor * middle), sign | (bf16 + (bf16 & 1)));
            assert_int_equal(bf16_from_float(factor * nextafterf(middle, 0)), sign | bf16);
            assert_int_equal(bf16_from_float(factor * nextafterf(middle, INFINITY)), sign | (bf16 + 1));
        }
    }
    for (uint32_t bits = 0x7F800001; bits < 0x7F820000; bits++) { /* NaN whose upper half alone is infinity, or 0 */
        float value;
        memcpy(&value, &bits, sizeof value);
        assert_true(isnan(bf16_to_float(bf16_from_float(value))));
    }
}

/* A tf32 is a float whose lower 13 bits are 0: the middle between two neighbours becomes the larger magnitude. */
static void rounds_to_tf32(void **state) {
    (void)state;
    for (uint32_t bits = 0; bits < 0x7F800000; bits += 0x2000 * 97) {
        for (uint32_t sign = 0; sign <= 1; sign++) {
            const uint32_t below = bits + 0xFFF, middle = bits + 0x1000, next = bits + 0x2000,
                           all[] = {bits, below, middle};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                uint32_t word = all[i] | sign << 31, expected = (all[i] == middle ? next : bits) | sign << 31, got;
                float value;
                memcpy(&value, &word, sizeof value);
                value = tf32_round(value);
                memcpy(&got, &value, sizeof got);
                assert_int_equal(got, expected);
            }
        }
    }
    for (double value = 1e-30; value < 1e30; value *= 1.001)
        assert_true(fabs(tf32_round((float)value) - (double)(float)value) <= TF32_ROUNDING * value);
    assert_true(isnan(tf32_round(NAN)) && isinf(tf32_round(INFINITY)) && isinf(tf32_round(FLT_MAX)));
    for (uint32_t bits = 0x7F800001; bits < 0x80000000; bits += 0xFFF) {
        float value;
        memcpy(&value, &bits, sizeof value);
        assert_true(isnan(tf32_round(value)));
    }
}

/* The stated error of storing a value is never exceeded, and is reached within 1 %. */
static void stored_errors(void **state) {
    (void)state;
    for (enum stored stored = STORED_HALF; stored <= STORED_BF16; stored++) {
        double worst = 0;
        for (float value = 1e-9f; value < 60000; value *= 1.0001f) {
            double error = fabs((double)stored_round(stored, value) - value);
            assert_true(error <= stored_error(stored, value));
            worst = fmax(worst, error / stored_error(stored, value));
        }
        assert_true(worst > 0.99);
    }
    assert_true(stored_round(STORED_FLOAT, 0.1f) == 0.1f && stored_error(STORED_FLOAT, 0.1) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_float),       cmocka_unit_test(rounds_to_nearest),
                                       cmocka_unit_test(extremes),       cmocka_unit_test(every_bf16),
                                       cmocka_unit_test(rounds_to_bf16), cmocka_unit_test(rounds_to_tf32),
                                       cmocka_unit_test(stored_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
