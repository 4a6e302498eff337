/* Steps of AdamW, compared with the reference, and both with PyTorch in double precision (golden/make_adamw.py). */
#include "optimiser.h"

#include "base/text.h"
#include "files/safetensors.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

static const struct hyperparameters usual = {
    .lr = 1e-3, .weight_decay = 1e-2, .scale = 1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
static const struct hyperparameters coarse = {
    .lr = 0.3, .weight_decay = 0.1, .scale = 1, .beta1 = 0.5, .beta2 = 0.75, .eps = 0.1};

static void few_steps(void **state) {
    (void)state;
    static const size_t counts[] = {1, 3, 6, 12, 24, 64, 65, 127, 4096, 10007};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_steps(&optimiser_adamw, usual, counts[i], 3);
}

static void many_steps(void **state) {
    (void)state;
    check_steps(&optimiser_adamw, coarse, 48, 10);
}

static void vectors_are_spared(void **state) {
    (void)state;
    struct hyperparameters h = coarse;
    h.no_bias_decay = true;
    check_steps(&optimiser_adamw, h, 640, 3);
}

static void scaled(void **state) {
    (void)state;
    struct hyperparameters h = usual;
    h.scale = 1024;
    check_steps(&optimiser_adamw, h, 100, 3);
}

static void stands_still(void **state) {
    (void)state;
    check_stands_still(&optimiser_adamw, coarse);
}

/* ------------------------------------------------------------------------------------------------------ PyTorch -- */

static struct safetensors golden;

static double number(const char *name, const char *key) {
    const char *value = safetensors_metadata(&golden, text("%s.%s", name, key));
    assert_non_null(value);
    return text_number(value, NULL);
}

static const struct record *values(const char *name, const char *kind) {
    const struct record *r = safetensors_find(&golden, text("%s.%s", name, kind));
    assert_non_null(r);
    return r;
}

/* What the golden values say after a step: row `step` of each tensor. */
struct row {
    const float *weight, *state[2];
};

/* The reference differs from PyTorch by no more than storing the golden values in single precision rounds. */
static void compare_reference(const struct row *want, size_t i, const struct optimised_element *element) {
    for (int k = 0; k < 2; k++)
        assert_true(fabs(element->state[k] - want->state[k][i]) <= FLT_EPSILON * fabs(want->state[k][i]) + FLT_MIN);
    assert_true(fabs(element->weight - want->weight[i]) <= FLT_EPSILON * fabs(want->weight[i]));
}

static void compare_case(const char *name) {
    struct hyperparameters h = {.lr = number(name, "lr"),
                                .weight_decay = number(name, "weight_decay"),
                                .scale = 1,
                                .beta1 = number(name, "beta1"),
                                .beta2 = number(name, "beta2"),
                                .eps = number(name, "eps")};
    const struct record *initial = values(name, "initial"), *gradients = values(name, "gradients");
    const float *after = values(name, "weight")->values, *first = values(name, "exp_avg")->values;
    const float *second = values(name, "exp_avg_sq")->values;
    size_t words = record_count(initial), steps = gradients->shape[0];
    struct optimised o = {.weight = upload(words, initial->values),
                          .state = {upload(words, zeros(4 * words)), upload(words, zeros(4 * words))},
                          .matrices = words,
                          .failed = upload(1, &(int32_t){0})};
    struct optimised_element *exact = zeros(words * sizeof *exact), magnitude;
    for (size_t i = 0; i < words; i++)
        exact[i].weight = initial->values[i];
    assert_true(steps > 10 && record_count(gradients) == steps * words);
    for (size_t step = 0; step < steps; step++) {
        const float *gradient = gradients->values + step * words;
        const struct row want = {after + step * words, {first + step * words, second + step * words}};
        double roundings = optimiser_adamw.roundings * (double)(step + 1);
        h.number = (int64_t)step + 1;
        o.gradient = upload(words, gradient);
        CHECK(optimiser_adamw.step(device, &h, &o));
        for (size_t i = 0; i < words; i++) {
            optimiser_adamw.reference(&h, gradient[i], &exact[i], &magnitude);
            compare_reference(&want, i, &exact[i]);
        }
        /* A first moment may cancel: its terms are as large as the gradients' deviation, which the second one tells. */
        const char *what = text("%s, step %zu", name, step);
        COMPARE(what, o.state[1], roundings, i, sum_of(want.state[1][i]));
        COMPARE(what, o.state[0], roundings, i, ((struct sum){want.state[0][i], sqrt(want.state[1][i])}));
        COMPARE(what, o.weight, roundings, i, ((struct sum){want.weight[i], fabs(want.weight[i]) + h.lr}));
    }
}

static void as_pytorch(void **state) {
    (void)state;
    CHECK(safetensors_read(VGGCL_SOURCE_DIR "/tests/golden/adamw.safetensors", &golden));
    compare_case("usual");
    compare_case("coarse");
    safetensors_free(&golden);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(few_steps),          DEVICE_TEST(many_steps),
                                       DEVICE_TEST(vectors_are_spared), DEVICE_TEST(scaled),
                                       DEVICE_TEST(stands_still),       DEVICE_TEST(as_pytorch)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
