/* The random number generator, compared with Random123's known answers, and the distributions drawn from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rng.h"

#include <math.h>
#include <string.h>

static void known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        rng_philox(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].expected, sizeof out);
    }
}

/* A sequence is the words of counters (0, index, purpose), (1, index, purpose), ... with the seed as key. */
static void sequence_is_the_generator(void **state) {
    (void)state;
    const uint64_t seed = 0x123456789abcdef0, index = 0xfedcba9876543210;
    const uint32_t key[2] = {0x9abcdef0, 0x12345678};
    struct rng r = rng_sequence(seed, RNG_SYNTH, index);
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, 0x76543210, 0xfedcba98, RNG_SYNTH};
        uint32_t words[4];
        rng_philox(counter, key, words);
        for (int i = 0; i < 4; i++)
            assert_int_equal(rng_u32(&r), words[i]);
    }
}

static void sequences_differ(void **state) {
    (void)state;
    struct rng base = rng_sequence(1, RNG_AUGMENT, 0);
    struct rng others[] = {rng_sequence(2, RNG_AUGMENT, 0), rng_sequence(1, RNG_SHUFFLE, 0),
                           rng_sequence(1, RNG_AUGMENT, 1), rng_sequence(1, RNG_AUGMENT, (uint64_t)1 << 32),
                           rng_sequence((uint64_t)1 << 32, RNG_AUGMENT, 0)};
    uint32_t first = rng_u32(&base);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_not_equal(rng_u32(&others[i]), first);
}

static void below_is_uniform(void **state) {
    (void)state;
    enum { DRAWS = 70000, BOUND = 7 };
    struct rng r = rng_sequence(3, RNG_SHUFFLE, 0);
    int counts[BOUND] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint32_t value = rng_below(&r, BOUND);
        assert_true(value < BOUND);
        counts[value]++;
    }
    for (int i = 0; i < BOUND; i++) /* 10000 expected, standard deviation 93 */
        assert_in_range(counts[i], 9500, 10500);
}

/* At this bound a plain multiplication gives floor(3/4 word), half of which are multiples of 3. */
static void below_rejects(void **state) {
    (void)state;
    enum { DRAWS = 30000 };
    const uint32_t bound = 0xC0000000;
    struct rng r = rng_sequence(4, RNG_SHUFFLE, 0);
    int multiples = 0;
    for (int i = 0; i < DRAWS; i++) {
        uint32_t value = rng_below(&r, bound);
        assert_true(value < bound);
        multiples += value % 3 == 0;
    }
    assert_in_range(multiples, 9500, 10500);
}

static void below_one_is_zero(void **state) {
    (void)state;
    struct rng r = rng_sequence(4, RNG_SHUFFLE, 1);
    for (int i = 0; i < 100; i++)
        assert_int_equal(rng_below(&r, 1), 0);
}

static void uniform_moments(void **state) {
    (void)state;
    enum { DRAWS = 100000 };
    struct rng r = rng_sequence(5, RNG_INIT, 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = rng_uniform(&r);
        assert_true(value >= 0 && value < 1);
        sum += value;
        squares += value * value;
    }
    assert_float_equal((float)(sum / DRAWS), 0.5f, 0.005f);
    assert_float_equal((float)(squares / DRAWS), 1.0f / 3, 0.005f);
}

static void normal_moments(void **state) {
    (void)state;
    enum { DRAWS = 200000 };
    struct rng r = rng_sequence(6, RNG_INIT, 0);
    double moments[5] = {0};
    int within = 0;
    for (int i = 0; i < DRAWS; i++) {
        double value = rng_normal(&r), power = 1;
        assert_true(value > -7 && value < 7); /* sqrt(-2 ln 2^-32) = 6.66 is the largest */
        within += value > -1 && value < 1;
        for (int k = 1; k <= 4; k++)
            moments[k] += (power *= value) / DRAWS;
    }
    assert_float_equal((float)moments[1], 0.0f, 0.01f); /* standard deviations .0022 .0032 .0087 .022 */
    assert_float_equal((float)moments[2], 1.0f, 0.015f);
    assert_float_equal((float)moments[3], 0.0f, 0.04f);
    assert_float_equal((float)moments[4], 3.0f, 0.1f);
    assert_float_equal((float)within / DRAWS, 0.6827f, 0.005f);
}

/* Beta(a, a) has the mean 1/2, the variance 1 / (4 (2a + 1)) and the fourth central moment 3 / (16 (2a + 1) (2a + 3)).
 */
static void beta_moments(void **state) {
    (void)state;
    enum { DRAWS = 50000 };
    static const double parameters[] = {0.01, 0.2, 0.8, 1, 3, 1000};
    for (size_t i = 0; i < sizeof parameters / sizeof *parameters; i++) {
        struct rng r = rng_sequence(7, RNG_MIX, i);
        double a = parameters[i], mean = 0, square = 0, fourth = 0, variance = 1 / (4 * (2 * a + 1));
        for (int k = 0; k < DRAWS; k++) {
            double value = rng_beta(&r, a), difference = value - 0.5;
            assert_true(value >= 0 && value <= 1);
            mean += difference / DRAWS;
            square += difference * difference / DRAWS;
            fourth += pow(difference, 4) / DRAWS;
        }
        assert_float_equal((float)(mean / sqrt(variance)), 0.0f, 0.02f); /* the standard deviation is .0045 */
        assert_float_equal((float)(square / variance), 1.0f, 0.03f);
        assert_float_equal((float)(fourth * 16 * (2 * a + 1) * (2 * a + 3) / 3), 1.0f, 0.06f);
    }
}

/* Parameters close to 0 give 0 or 1, never a NaN. */
static void beta_of_nearly_nothing(void **state) {
    (void)state;
    struct rng r = rng_sequence(8, RNG_MIX, 0);
    int ones = 0;
    for (int k = 0; k < 1000; k++) {
        double value = rng_beta(&r, 4.9e-324);
        assert_true(value == 0 || value == 1);
        ones += value == 1;
    }
    assert_in_range(ones, 400, 600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),    cmocka_unit_test(sequence_is_the_generator),
        cmocka_unit_test(sequences_differ), cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(below_rejects),    cmocka_unit_test(below_one_is_zero),
        cmocka_unit_test(uniform_moments),  cmocka_unit_test(normal_moments),
        cmocka_unit_test(beta_moments),     cmocka_unit_test(beta_of_nearly_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
