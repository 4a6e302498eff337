#include "check/check_softmax.h"
#include "check/operators.h"
#include "ops/softmax.h"

#include <math.h>

/* ----------------------------------------------------------------------------------------------------- reference -- */

/* The softmax of a row, relative to its best logit: the first of the largest. */
struct softmax {
    size_t best;
    double sum, spread; /* of exp(logit - best); the mean of best - logit, weighted by the softmax */
};

static struct softmax softmax(size_t classes, const float *logits) {
    struct softmax s = {0, 0, 0};
    for (size_t k = 1; k < classes; k++)
        if (logits[k] > logits[s.best])
            s.best = k;
    for (size_t k = 0; k < classes; k++)
        s.sum += exp((double)logits[k] - logits[s.best]);
    for (size_t k = 0; k < classes; k++)
        s.spread += exp((double)logits[k] - logits[s.best]) / s.sum * ((double)logits[s.best] - logits[k]);
    return s;
}

struct sum reference_loss(size_t classes, const float *logits, int32_t label, double smoothing) {
    struct softmax s = softmax(classes, logits);
    double behind = (double)logits[s.best] - logits[label], all_behind = 0;
    for (size_t k = 0; k < classes; k++)
        all_behind += (double)logits[s.best] - logits[k];
    behind += smoothing > 0 ? smoothing * (all_behind / (double)classes - behind) : 0;
    return (struct sum){log(s.sum) + behind, 1 + log(s.sum) + s.spread + behind};
}

int32_t reference_predicted(size_t classes, const float *logits, int32_t label) {
    return isnan(reference_loss(classes, logits, label, 0).value) ? -1 : (int32_t)softmax(classes, logits).best;
}

struct sum reference_dlogits(size_t n, size_t classes, const float *logits, int32_t label, double smoothing, size_t k) {
    struct softmax s = softmax(classes, logits);
    double behind = (double)logits[s.best] - logits[k], p = exp(-behind) / s.sum;
    double target = (1 - smoothing) * (k == (size_t)label) + smoothing / (double)classes;
    return (struct sum){(p - target) / (double)n, (p * (1 + s.spread + behind) + target) / (double)n};
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

static void cross_entropy(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t n = s.n, classes = s.o, count = n * classes;
    float *logits = rig_floats(rig, count, -5, 5);
    int32_t *label = rig_labels(rig, n, classes);
    double roundings = sum_roundings((double)classes) + 8; /* exp and log: 3 ulp each */
    for (double smoothing = 0; smoothing < 0.2; smoothing += 0.1) {
        struct tensor loss = rig_poisoned(rig, n), predicted = rig_poisoned(rig, n), dlogits = rig_poisoned(rig, count);
        RIG_RUN(rig, softmax_cross_entropy(rig->dev, n, classes, smoothing, n, rig_upload(rig, count, logits),
                                           rig_upload(rig, n, label), loss, predicted, dlogits));
        RIG_COMPARE(rig, "loss", RIG_FLOATS, loss, roundings, i,
                    reference_loss(classes, logits + i * classes, label[i], smoothing));
        RIG_COMPARE(rig, "predicted", RIG_INTEGERS, predicted, 0, i,
                    sum_exactly(reference_predicted(classes, logits + i * classes, label[i])));
        RIG_COMPARE(
            rig, "dlogits", RIG_FLOATS, dlogits, roundings, i,
            reference_dlogits(n, classes, logits + i / classes * classes, label[i / classes], smoothing, i % classes));
    }
}

static void class_weights(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t n = s.n, classes = s.o, count = n * classes;
    float *loss = rig_floats(rig, n, 0, 5), *dlogits = rig_floats(rig, count, -1, 1);
    float *weight = rig_floats(rig, classes, 0.1, 10);
    int32_t *label = rig_labels(rig, n, classes);
    struct tensor weighed_loss = rig_upload(rig, n, loss), weighed_dlogits = rig_upload(rig, count, dlogits);
    RIG_RUN(rig, softmax_weigh(rig->dev, n, classes, rig_upload(rig, n, label), rig_upload(rig, classes, weight),
                               weighed_loss, weighed_dlogits));
    RIG_COMPARE(rig, "loss", RIG_FLOATS, weighed_loss, 1, i, sum_of((double)weight[label[i]] * loss[i]));
    RIG_COMPARE(rig, "dlogits", RIG_FLOATS, weighed_dlogits, 1, i,
                sum_of((double)weight[label[i / classes]] * dlogits[i]));
}

static void totals(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    float *loss = rig_floats(rig, s.n, 0, 5);
    int32_t *predicted = rig_labels(rig, s.n, 4), *label = rig_labels(rig, s.n, 4), *zero = rig_zeros(rig, 4);
    struct tensor total = rig_poisoned(rig, 2), failed = rig_upload(rig, 1, zero);
    struct sum expected[2] = {{0, 0}, {0, 0}};
    for (size_t i = 0; rig->err == VGGCL_OK && i < s.n; i++) {
        sum_add(&expected[0], loss[i]);
        expected[1].value += predicted[i] == label[i];
    }
    RIG_RUN(rig, softmax_total(rig->dev, s.n, rig_upload(rig, s.n, loss), rig_upload(rig, s.n, predicted),
                               rig_upload(rig, s.n, label), total, true, failed));
    RIG_COMPARE(rig, "total", RIG_FLOATS, total, 2, i, expected[i]); /* Kahan's summation */
    RIG_COMPARE(rig, "failed", RIG_INTEGERS, failed, 0, i, sum_exactly(0));
}

/* The fewest classes, an odd number, and many. */
static const struct conv_shape class_counts[] = {{.n = 5, .o = 2}, {.n = 5, .o = 11}, {.n = 2, .o = 1000}, {0}};

const struct check softmax_checks[] = {
    {.name = "softmax cross-entropy",
     .kernels = "softmax/softmax_cross_entropy",
     .layer = "linear",
     .uses = N | O,
     .run = cross_entropy,
     .shapes = class_counts},
    CHECK("class weights", "softmax/softmax_weigh", "linear", N | O, class_weights),
    CHECK("totals", "softmax/softmax_total", "linear", N, totals),
    {0},
};
