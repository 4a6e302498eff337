/* Max-pooling: ties, odd sides, NaNs. */
#include "common.h"
#include "reference.h"

#include "ops/pool.h"

#include <math.h>

static const struct image_shape shapes[] = {
    {1, 1, 1, 3},  {1, 2, 2, 1},   {3, 5, 3, 7},    {3, 7, 7, 16},
    {1, 1, 8, 48}, {3, 16, 8, 64}, {1, 32, 30, 13}, {2, 3, 2, 6},
};
#define FOR_EACH_SHAPE(s) for (const struct image_shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)

static size_t in_count(const struct image_shape *s) {
    return s->n * s->h * s->w * s->c;
}

static size_t out_count(const struct image_shape *s) {
    return s->n * (s->h / 2) * (s->w / 2) * s->c;
}

static const char *name(const struct image_shape *s) {
    return text("%zux%zux%zux%zu", s->n, s->h, s->w, s->c);
}

/* Few different values, so that most windows have more than one largest. */
static float *with_ties(size_t count) {
    float *x = random_floats(count, -2, 2);
    for (size_t i = 0; i < count; i++)
        x[i] = floorf(x[i]);
    return x;
}

static void forward(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        float *x = random_floats(in_count(s), -1, 1);
        if (out_count(s) == 0) {
            CHECK(pool_forward(device, *s, upload(in_count(s), x), poisoned(1)));
            continue;
        }
        struct tensor y = poisoned(out_count(s));
        CHECK(pool_forward(device, *s, upload(in_count(s), x), y));
        COMPARE(name(s), y, expected_pool(*s, x), 0);
    }
}

static void backward(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        for (int ties = 0; ties < 2; ties++) {
            float *x = ties ? with_ties(in_count(s)) : random_floats(in_count(s), -1, 1);
            float *dy = random_floats(out_count(s), -1, 1);
            struct tensor dx = poisoned(in_count(s));
            CHECK(pool_backward(device, *s, upload(in_count(s), x), upload(out_count(s), dy), dx));
            COMPARE(name(s), dx, expected_pool_backward(*s, x, dy), 0);
        }
    }
}

/* A NaN anywhere in its window is the window's largest. */
static void nan_is_passed_on(void **state) {
    (void)state;
    for (size_t c = 1; c <= 16; c += 15) {
        for (size_t tap = 0; tap < 4; tap++) {
            const struct image_shape s = {1, 4, 4, c};
            float *x = random_floats(16 * c, -1, 1);
            x[(tap / 2 * 4 + tap % 2) * c] = NAN;
            struct tensor y = poisoned(4 * c);
            CHECK(pool_forward(device, s, upload(16 * c, x), y));
            struct exact expected = expected_pool(s, x);
            assert_true(isnan(expected.value[0]));
            COMPARE(text("a NaN at %zu", tap), y, expected, 0);
        }
    }
}

/* The largest may be minus infinity. */
static void infinities(void **state) {
    (void)state;
    const struct image_shape s = {1, 2, 4, 1};
    const float x[] = {-INFINITY, -INFINITY, INFINITY, 1, -INFINITY, -INFINITY, 2, 3}, dy[] = {5, 7};
    struct tensor y = poisoned(2), dx = poisoned(8), x_device = upload(8, x);
    CHECK(pool_forward(device, s, x_device, y));
    COMPARE("forward", y, expected_pool(s, x), 0);
    CHECK(pool_backward(device, s, x_device, upload(2, dy), dx));
    COMPARE("backward", dx, expected_pool_backward(s, x, dy), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(forward),
        DEVICE_TEST(backward),
        DEVICE_TEST(nan_is_passed_on),
        DEVICE_TEST(infinities),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
