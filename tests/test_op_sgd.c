/* One step of gradient descent, and several. */
#include "common.h"

#include "ops/sgd.h"

enum { ROUNDINGS = 8 }; /* four products, three sums, and the constants' own rounding to float */

static void steps(size_t count, struct sgd sgd, int last) {
    float *weight = random_floats(count, -1, 1), *velocity = random_floats(count, -1, 1);
    struct tensor weight_device = upload(count, weight), velocity_device = upload(count, velocity);
    struct tensor failed = upload(1, &(int32_t){0});
    size_t matrices = count / 128 * 64; /* in whole vectors */
    struct sgd spared = sgd;
    if (sgd.spare_vectors)
        spared.weight_decay = 0;
    for (int number = 0; number < last; number++) {
        float *gradient = random_floats(count, -1, 1);
        struct tensor gradient_device = upload(count, gradient);
        CHECK(sgd_step(device, sgd, 1, matrices, failed, weight_device, gradient_device, velocity_device));
        const char *what = text("%zu words, step %d", count, number);
        COMPARE(what, velocity_device, ROUNDINGS, k,
                reference_sgd_velocity(k < matrices ? sgd : spared, weight[k], gradient[k], velocity[k]));
        COMPARE(what, weight_device, ROUNDINGS, k,
                reference_sgd_weight(k < matrices ? sgd : spared, weight[k], gradient[k], velocity[k]));
        COMPARE(what, gradient_device, 0, k, sum_exactly(gradient[k]));
        weight = download(weight_device);
        velocity = download(velocity_device);
    }
}

static void one_step(void **state) {
    (void)state;
    static const size_t counts[] = {1, 3, 6, 12, 24, 64, 65, 127, 4096, 10007};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        steps(counts[i], (struct sgd){.lr = 0.01, .momentum = 0.9, .weight_decay = 5e-4}, 1);
}

static void many_steps(void **state) {
    (void)state;
    steps(48, (struct sgd){.lr = 0.3, .momentum = 0.9, .weight_decay = 0.1}, 10);
}

/* Without momentum and decay the weight moves by lr * gradient, and the velocity is the gradient. */
static void plain_descent(void **state) {
    (void)state;
    steps(16, (struct sgd){.lr = 0.5}, 2);
}

static void nesterov(void **state) {
    (void)state;
    steps(300, (struct sgd){0.3, 0.9, 0.1, .nesterov = true}, 10);
}

/* Behind the matrices the weight decay ends. */
static void vectors_are_spared(void **state) {
    (void)state;
    steps(640, (struct sgd){0.3, 0.9, 0.1, .spare_vectors = true}, 3);
    steps(1, (struct sgd){0.3, 0.9, 0.1, .spare_vectors = true, .nesterov = true}, 3);
}

/* After a loss that was not finite nothing moves. */
static void stands_still(void **state) {
    (void)state;
    enum { N = 37 };
    float *weight = random_floats(N, -1, 1), *velocity = random_floats(N, -1, 1);
    struct tensor weight_device = upload(N, weight), velocity_device = upload(N, velocity);
    CHECK(sgd_step(device, (struct sgd){.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1}, 1, N,
                   upload(1, &(int32_t){1}), weight_device, upload(N, random_floats(N, -1, 1)), velocity_device));
    assert_memory_equal(download(weight_device), weight, N * sizeof *weight);
    assert_memory_equal(download(velocity_device), velocity, N * sizeof *velocity);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(one_step),           DEVICE_TEST(many_steps),
                                       DEVICE_TEST(plain_descent),      DEVICE_TEST(nesterov),
                                       DEVICE_TEST(vectors_are_spared), DEVICE_TEST(stands_still)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
