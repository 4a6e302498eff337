/* The device's conversions of every 16-bit float, and every bfloat16, and of floats that are difficult to round.
 * test_op_check tests that every operator loads and stores activations with these conversions. */
#include "common.h"

#include "base/half.h"
#include "base/stored.h"
#include "ops/storage.h"

#include <float.h>
#include <math.h>

enum { VALUES = 1 << 16 };

/* floats on the device as activations with c channels, then back. */
static const float *round_trip(size_t count, size_t c, const float *floats) {
    struct tensor y = poisoned_stored(count), back = poisoned(count), no_bias = {0};
    CHECK(storage_narrow(device, count / c, c, upload(count, floats), no_bias, y, 0));
    CHECK(storage_widen(device, count / c, c, y, 0, back));
    return download(back);
}

/* A device may take floats below FLT_MIN for 0: only bfloat16 has any. */
static bool is_stored(float got, float want) {
    return got == want || (isnan(got) && isnan(want)) || (got == 0 && fabsf(want) < FLT_MIN);
}

static void assert_stored(size_t count, const float *floats) {
    static const size_t channels[] = {1, 2, 4, 8, 16};
    for (int k = 0; k < 5; k++) {
        const float *got = round_trip(count, channels[k], floats);
        for (size_t i = 0; i < count; i++) {
            float want = stored_round(context->stored, floats[i]);
            if (!is_stored(got[i], want))
                fail_msg("%a is stored as %a, not %a, with %zu channels", floats[i], got[i], want, channels[k]);
        }
    }
}

/* All of them: zeros, subnormal ones, infinities and NaN included. */
static void every_value(void **state) {
    (void)state;
    float *floats = zeros(VALUES * sizeof *floats);
    for (size_t i = 0; i < VALUES; i++)
        floats[i] = stored_to_float(context->stored, (uint16_t)i);
    assert_stored(VALUES, floats);
}

/* The middles between neighbours, up to infinity, and the floats right beside them. */
static void ties(void **state) {
    (void)state;
    size_t finite = context->stored == STORED_HALF ? 0x7C00 : 0x7F80;
    double infinite = context->stored == STORED_HALF ? 0x1p16 : 0x1p128;
    for (int beside = -1; beside <= 1; beside++) {
        float *floats = zeros(2 * finite * sizeof *floats);
        for (size_t i = 0; i < finite; i++) {
            double next = i + 1 == finite ? infinite : stored_to_float(context->stored, (uint16_t)(i + 1));
            float middle = (float)((stored_to_float(context->stored, (uint16_t)i) + next) / 2);
            floats[2 * i] = beside ? nextafterf(middle, beside < 0 ? 0 : INFINITY) : middle;
            floats[2 * i + 1] = -floats[2 * i];
        }
        assert_stored(2 * finite, floats);
    }
}

static void extremes(void **state) {
    (void)state;
    const float floats[16] = {1e38f, -1e38f,  65519.9f, -65520, 3.4e38f,  -1e-45f,
                              3e-8f, 2.9e-8f, NAN,      -NAN,   INFINITY, -INFINITY};
    assert_stored(16, floats);
}

int main(void) {
    const struct CMUnitTest tests[] = {HALF_TEST(every_value), HALF_TEST(ties), HALF_TEST(extremes),
                                       BF16_TEST(every_value), BF16_TEST(ties), BF16_TEST(extremes)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
