/* Softmax cross-entropy, its gradient, and the sums of losses and correct predictions. */
#include "common.h"

#include "check/check_softmax.h"
#include "ops/softmax.h"

#include <math.h>
#include <string.h>

struct output {
    struct tensor loss, predicted, dlogits;
};

static struct output run(size_t n, size_t classes, double smoothing, const float *logits, const int32_t *label) {
    struct output out = {poisoned(n), poisoned(n), poisoned(n * classes)};
    CHECK(softmax_cross_entropy(device, n, classes, smoothing, n, upload(n * classes, logits), upload(n, label),
                                out.loss, out.predicted, out.dlogits));
    return out;
}

/* exp and log are allowed 3 units in the last place each; the sum has classes terms. */
static double roundings(size_t classes) {
    return (double)classes + 8;
}

static void cross_entropy(void **state) {
    (void)state;
    static const struct {
        size_t n, classes;
        double spread, smoothing;
    } cases[] = {{1, 10, 1, 0},     {3, 10, 30, 0},     {65, 10, 5, 0},  {127, 7, 300, 0},
                 {128, 1, 1, 0},    {13, 65, 10, 0},    {1, 2, 1e30, 0}, {3, 10, 30, 0.1},
                 {65, 10, 5, 0.25}, {127, 7, 300, 0.5}, {5, 1, 1, 0.1},  {2, 10, 3, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].n, classes = cases[i].classes;
        float *logits = random_floats(n * classes, -cases[i].spread, cases[i].spread);
        int32_t *label = random_labels(n, classes);
        struct output out = run(n, classes, cases[i].smoothing, logits, label);
        const char *what = text("%zu rows of %zu, within %g", n, classes, cases[i].spread);
        COMPARE(what, out.loss, roundings(classes), k,
                reference_loss(classes, logits + k * classes, label[k], cases[i].smoothing));
        COMPARE(what, out.dlogits, roundings(classes), k,
                reference_dlogits(n, classes, logits + k / classes * classes, label[k / classes], cases[i].smoothing,
                                  k % classes));
        const int32_t *predicted = download(out.predicted);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(predicted[k], reference_predicted(classes, logits + k * classes, label[k]));
    }
}

static void weighs_classes(void **state) {
    (void)state;
    enum { N = 67, CLASSES = 7 };
    float *weight = random_floats(CLASSES, 0.01, 50), *loss = random_floats(N, 0, 5);
    float *dlogits = random_floats(N * CLASSES, -1, 1);
    int32_t *label = random_labels(N, CLASSES);
    struct tensor losses = upload(N, loss), gradients = upload(N * CLASSES, dlogits);
    CHECK(softmax_weigh(device, N, CLASSES, upload(N, label), upload(CLASSES, weight), losses, gradients));
    COMPARE("loss", losses, 1, k, sum_of((double)weight[label[k]] * loss[k]));
    COMPARE("dlogits", gradients, 1, k, sum_of((double)weight[label[k / CLASSES]] * dlogits[k]));
}

static void first_of_equals_is_predicted(void **state) {
    (void)state;
    const float logits[] = {1, 3, 2, 3, 0, 0, 0, 0};
    const int32_t label[] = {3, 0};
    struct output out = run(2, 4, 0, logits, label);
    const int32_t *predicted = download(out.predicted);
    assert_int_equal(predicted[0], 1);
    assert_int_equal(predicted[1], 0);
    const float *loss = download(out.loss);
    assert_float_equal(loss[1], logf(4), 1e-6f);
}

/* A NaN anywhere in a row, or a largest that is infinite, shows in its loss and prediction, not in other rows. */
static void nan_shows(void **state) {
    (void)state;
    enum { CLASSES = 5, N = 2 * CLASSES + 1 };
    float *logits = random_floats(N * CLASSES, -1, 1);
    int32_t *label = random_labels(N, CLASSES);
    for (int i = 0; i < CLASSES; i++) {
        logits[i * CLASSES + i] = NAN;
        logits[(CLASSES + i) * CLASSES + i] = INFINITY;
    }
    struct output out = run(N, CLASSES, 0, logits, label);
    const float *loss = download(out.loss), *dlogits = download(out.dlogits);
    const int32_t *predicted = download(out.predicted);
    for (int i = 0; i < 2 * CLASSES; i++) {
        assert_true(isnan(loss[i]));
        assert_int_equal(predicted[i], -1);
        assert_true(isnan(dlogits[i * CLASSES + i % CLASSES]));
    }
    assert_true(isfinite(loss[N - 1]));
    assert_in_range(predicted[N - 1], 0, CLASSES - 1);

    struct tensor total = poisoned(2), failed = upload(1, &(int32_t){0});
    CHECK(softmax_total(device, N, out.loss, out.predicted, upload(N, label), total, false, failed));
    assert_int_equal(*(int32_t *)download(failed), 0);
    CHECK(softmax_total(device, N, out.loss, out.predicted, upload(N, label), total, true, failed));
    assert_int_equal(*(int32_t *)download(failed), 1);
    const float *sums = download(total);
    assert_true(isnan(sums[0]));
    assert_true(sums[1] == (predicted[N - 1] == label[N - 1]));
}

/* Kahan's sum: two roundings whatever the number of rows. */
static void totals(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 3, 127, 50000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t n = sizes[i];
        float *loss = random_floats(n, 0, 5);
        int32_t *label = random_labels(n, 10), *predicted = zeros(n * sizeof *predicted);
        struct sum expected[2] = {{0, 0}, {0, 0}};
        for (size_t k = 0; k < n; k++) {
            predicted[k] = k % 3 ? label[k] : (label[k] + 1) % 10;
            sum_add(&expected[0], loss[k]);
            expected[1].value += predicted[k] == label[k];
        }
        for (int32_t before = 0; before < 2; before++) {
            struct tensor total = poisoned(2), failed = upload(1, &before);
            CHECK(
                softmax_total(device, n, upload(n, loss), upload(n, predicted), upload(n, label), total, true, failed));
            COMPARE(text("%zu rows", n), total, 2, k, expected[k]);
            assert_int_equal(*(int32_t *)download(failed), before);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(cross_entropy), DEVICE_TEST(weighs_classes), DEVICE_TEST(first_of_equals_is_predicted),
        DEVICE_TEST(nan_shows),     DEVICE_TEST(totals),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
