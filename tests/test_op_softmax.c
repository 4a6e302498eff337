/* Softmax cross-entropy, its gradient, and the sums of losses and correct predictions. */
#include "common.h"

#include "check/check_softmax.h"
#include "ops/softmax.h"

#include <math.h>
#include <string.h>

struct output {
    struct tensor loss, predicted, dlogits;
};

/* Rows with the label of `like`, except that label[i] is its class, and partner[i] the other one unless NULL: then no
 * partner may be read. */
static struct output run(size_t n, struct reference_label like, const float *logits, const int32_t *label,
                         const int32_t *partner) {
    struct output out = {poisoned(n), poisoned(n), poisoned(n * like.classes)};
    const struct targets targets = {upload(n, label),    partner ? upload(n, partner) : poisoned(n),
                                    like.share,          like.smoothing,
                                    like.weight != NULL, like.weight ? upload(like.classes, like.weight) : poisoned(1)};
    CHECK(softmax_cross_entropy(device, n, like.classes, &targets, n, upload(n * like.classes, logits), out.loss,
                                out.predicted, out.dlogits));
    return out;
}

static struct reference_label of_row(struct reference_label like, const int32_t *label, const int32_t *partner,
                                     size_t row) {
    like.label = label[row];
    like.partner = partner[row];
    return like;
}

/* exp and log are allowed 3 units in the last place each; the sum has classes terms. */
static double roundings(size_t classes) {
    return (double)classes + 8;
}

static void cross_entropy(void **state) {
    (void)state;
    static const struct {
        size_t n, classes;
        double spread, smoothing, share;
    } cases[] = {{1, 10, 1, 0, 1},     {3, 10, 30, 0, 1},     {65, 10, 5, 0, 1},     {127, 7, 300, 0, 1},
                 {128, 1, 1, 0, 1},    {13, 65, 10, 0, 1},    {1, 2, 1e30, 0, 1},    {3, 10, 30, 0.1, 1},
                 {65, 10, 5, 0.25, 1}, {127, 7, 300, 0.5, 1}, {5, 1, 1, 0.1, 1},     {2, 10, 3, 1, 1},
                 {65, 10, 5, 0, 0.3},  {65, 10, 5, 0.1, 0.3}, {127, 7, 300, 0.1, 0}, {13, 65, 10, 0, 0.999}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = cases[i].n, classes = cases[i].classes;
        const struct reference_label like = {
            .classes = classes, .share = cases[i].share, .smoothing = cases[i].smoothing};
        float *logits = random_floats(n * classes, -cases[i].spread, cases[i].spread);
        int32_t *label = random_labels(n, classes), *partner = random_labels(n, classes);
        struct output out = run(n, like, logits, label, like.share < 1 ? partner : NULL);
        const char *what = text("%zu rows of %zu, within %g, share %g", n, classes, cases[i].spread, like.share);
        COMPARE(what, out.loss, roundings(classes), k,
                reference_loss(logits + k * classes, of_row(like, label, partner, k)));
        COMPARE(what, out.dlogits, roundings(classes), k,
                reference_dlogits(n, logits + k / classes * classes, of_row(like, label, partner, k / classes),
                                  k % classes));
        const int32_t *predicted = download(out.predicted);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(predicted[k], reference_predicted(logits + k * classes, of_row(like, label, partner, k)));
    }
}

/* Class weights multiply each row's loss and gradient; of a mixed label, each label's part by its own weight. */
static void weighs_classes(void **state) {
    (void)state;
    enum { N = 67, CLASSES = 7 };
    struct reference_label like = {.classes = CLASSES, .share = 1, .smoothing = 0.1};
    float *logits = random_floats(N * CLASSES, -3, 3), *weight = random_floats(CLASSES, 0.01, 50);
    int32_t *label = random_labels(N, CLASSES), *partner = random_labels(N, CLASSES);
    const struct output plain = run(N, like, logits, label, NULL), other = run(N, like, logits, partner, NULL);
    const float *loss = download(plain.loss), *dlogits = download(plain.dlogits);
    const float *other_loss = download(other.loss), *other_dlogits = download(other.dlogits);
    like.weight = weight;
    struct output out = run(N, like, logits, label, NULL);
    COMPARE("loss", out.loss, 1, k, sum_of((double)weight[label[k]] * loss[k]));
    COMPARE("dlogits", out.dlogits, 1, k, sum_of((double)weight[label[k / CLASSES]] * dlogits[k]));
    like.share = 0.25;
    out = run(N, like, logits, label, partner);
    const float *mixed = download(out.loss), *gradient = download(out.dlogits);
    for (int k = 0; k < N; k++)
        assert_float_equal(mixed[k], 0.25f * weight[label[k]] * loss[k] + 0.75f * weight[partner[k]] * other_loss[k],
                           5e-4f);
    for (int k = 0; k < N * CLASSES; k++) {
        float one = weight[label[k / CLASSES]] * dlogits[k], two = weight[partner[k / CLASSES]] * other_dlogits[k];
        assert_float_equal(gradient[k], 0.25f * one + 0.75f * two, 2e-6f);
    }
    COMPARE("mixed", out.loss, roundings(CLASSES) + 5, k,
            reference_loss(logits + k * CLASSES, of_row(like, label, partner, k)));
    COMPARE(
        "its gradient", out.dlogits, roundings(CLASSES) + 5, k,
        reference_dlogits(N, logits + k / CLASSES * CLASSES, of_row(like, label, partner, k / CLASSES), k % CLASSES));
}

/* The loss of a mixed label is share * CE(label) + (1 - share) * CE(partner), and so is its gradient. */
static void mixed_labels(void **state) {
    (void)state;
    enum { N = 9, CLASSES = 5 };
    const struct reference_label one = {.classes = CLASSES, .share = 1}, both = {.classes = CLASSES, .share = 0.25};
    float *logits = random_floats(N * CLASSES, -3, 3);
    int32_t *label = random_labels(N, CLASSES), *partner = random_labels(N, CLASSES);
    struct output first = run(N, one, logits, label, NULL), second = run(N, one, logits, partner, NULL);
    struct output mixed = run(N, both, logits, label, partner);
    const float *a = download(first.loss), *b = download(second.loss), *loss = download(mixed.loss);
    for (int i = 0; i < N; i++)
        assert_float_equal(loss[i], 0.25f * a[i] + 0.75f * b[i], 2e-6f);
    a = download(first.dlogits), b = download(second.dlogits), loss = download(mixed.dlogits);
    for (int i = 0; i < N * CLASSES; i++)
        assert_float_equal(loss[i], 0.25f * a[i] + 0.75f * b[i], 1e-6f);
}

static void first_of_equals_is_predicted(void **state) {
    (void)state;
    const float logits[] = {1, 3, 2, 3, 0, 0, 0, 0};
    const int32_t label[] = {3, 0};
    struct output out = run(2, (struct reference_label){.classes = 4, .share = 1}, logits, label, NULL);
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
    struct output out = run(N, (struct reference_label){.classes = CLASSES, .share = 1}, logits, label, NULL);
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
        DEVICE_TEST(cross_entropy), DEVICE_TEST(weighs_classes),
        DEVICE_TEST(mixed_labels),  DEVICE_TEST(first_of_equals_is_predicted),
        DEVICE_TEST(nan_shows),     DEVICE_TEST(totals),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
