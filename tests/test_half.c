/* All 16-bit floats on the host, compared with the definition of IEEE 754. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/half.h"

#include <math.h>
#include <stdbool.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(to_float), cmocka_unit_test(rounds_to_nearest),
                                       cmocka_unit_test(extremes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
