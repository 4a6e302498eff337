/* One and several steps of stochastic gradient descent (SGD). */
#include "optimiser.h"

static const struct hyperparameters recipe = {.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4, .scale = 1};
static const struct hyperparameters coarse = {.lr = 0.3, .momentum = 0.9, .weight_decay = 0.1, .scale = 1};

static void few_steps(void **state) {
    (void)state;
    static const size_t counts[] = {1, 3, 6, 12, 24, 64, 65, 127, 4096, 10007};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        check_steps(&optimiser_sgd, recipe, counts[i], 2);
}

static void many_steps(void **state) {
    (void)state;
    check_steps(&optimiser_sgd, coarse, 48, 10);
}

/* Without momentum and decay the weight moves by lr * gradient, and the velocity is the gradient. */
static void plain_descent(void **state) {
    (void)state;
    enum { WORDS = 16 };
    const float *weight = random_floats(WORDS, -1, 1), *gradient = random_floats(WORDS, -1, 1);
    struct optimised o = {upload(WORDS, weight), upload(WORDS, gradient), {poisoned(WORDS)}, WORDS, {0}};
    o.state[0] = upload(WORDS, zeros(WORDS * sizeof(float)));
    o.failed = upload(1, &(int32_t){0});
    CHECK(optimiser_sgd.step(device, &(struct hyperparameters){.lr = 0.5, .scale = 4}, &o));
    COMPARE("velocity", o.state[0], 0, i, sum_exactly(gradient[i] / 4));
    COMPARE("weight", o.weight, 1, i, sum_plus(sum_of(weight[i]), -0.125 * gradient[i]));
}

static void nesterov(void **state) {
    (void)state;
    struct hyperparameters h = coarse;
    h.nesterov = true;
    check_steps(&optimiser_sgd, h, 300, 10);
}

/* Behind the matrices the weight decay ends. */
static void vectors_are_spared(void **state) {
    (void)state;
    struct hyperparameters h = coarse;
    h.no_bias_decay = true;
    check_steps(&optimiser_sgd, h, 640, 3);
    h.nesterov = true;
    check_steps(&optimiser_sgd, h, 1, 3);
}

/* Gradients are multiplied by a scale on their way back. */
static void scaled(void **state) {
    (void)state;
    struct hyperparameters h = recipe;
    h.scale = 1024;
    check_steps(&optimiser_sgd, h, 100, 3);
}

static void stands_still(void **state) {
    (void)state;
    check_stands_still(&optimiser_sgd, recipe);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(few_steps),          DEVICE_TEST(many_steps), DEVICE_TEST(plain_descent), DEVICE_TEST(nesterov),
        DEVICE_TEST(vectors_are_spared), DEVICE_TEST(scaled),     DEVICE_TEST(stands_still)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
