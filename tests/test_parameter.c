/* The values that weights start with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "layers/parameter.h"

#include <math.h>

enum { OUT = 64, IN = 48, COUNT = OUT * IN * 9 };
static float values[COUNT];

static struct parameter kernel(enum start start, double value) {
    return (struct parameter){
        .layout = LAYOUT_CONV, .o = OUT, .c = IN, .start = start, .start_value = value, .trained = true};
}

static void assert_moments(double mean, double variance) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < COUNT; i++) {
        sum += values[i];
        squares += (double)values[i] * values[i];
    }
    assert_true(fabs(sum / COUNT - mean) < 0.02 * sqrt(variance) + 1e-9);
    assert_true(fabs(squares / COUNT - mean * mean - variance) < 0.02 * variance + 1e-9);
}

static void distributions(void **state) {
    (void)state;
    struct parameter p = kernel(START_NORMAL, 0.1);
    parameter_start(&p, 1, 2, values);
    assert_moments(0, 0.01);
    p = kernel(START_UNIFORM, 0.3);
    parameter_start(&p, 1, 2, values);
    assert_moments(0, 0.3 * 0.3 / 3);
    p = kernel(START_CONSTANT, 0.5);
    parameter_start(&p, 1, 2, values);
    assert_moments(0.5, 0);
}

/* Outputs that have no input of their own get noise alone. */
static void identity_and_noise(void **state) {
    (void)state;
    static float noise[COUNT];
    struct parameter p = kernel(START_IDENTITY, 0.1), random = kernel(START_NORMAL, 0.1);
    parameter_start(&p, 1, 2, values);
    parameter_start(&random, 1, 2, noise);
    for (size_t o = 0; o < OUT; o++)
        for (size_t c = 0; c < IN; c++)
            for (size_t tap = 0; tap < 9; tap++) {
                size_t i = (o * IN + c) * 9 + tap;
                assert_true(values[i] == noise[i] + (o == c && tap == 4 ? 1.0f : 0.0f));
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(distributions), cmocka_unit_test(identity_and_noise)};
    return cmocka_run_group_tests_name("tests", tests, NULL, NULL);
}
