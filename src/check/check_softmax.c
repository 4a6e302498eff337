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

/* The weight of class k in the label. */
static double weight(struct reference_label l, size_t k) {
    double share = (float)l.share; /* as the device gets it: else 1 - share could differ much in proportion */
    return (l.weight ? l.weight[k] : 1) * (share * (k == (size_t)l.label) + (1 - share) * (k == (size_t)l.partner));
}

static double row_weight(struct reference_label l) {
    return weight(l, (size_t)l.label) + (l.partner != l.label ? weight(l, (size_t)l.partner) : 0);
}

/* The share of class k in the label. */
static double target(struct reference_label l, size_t k) {
    double labels = weight(l, k) / row_weight(l);
    return (1 - l.smoothing) * labels + l.smoothing / (double)l.classes;
}

struct sum reference_loss(const float *logits, struct reference_label l) {
    struct softmax s = softmax(l.classes, logits);
    double behind = 0;
    for (size_t k = 0; k < l.classes; k++)
        behind += target(l, k) > 0 ? target(l, k) * ((double)logits[s.best] - logits[k]) : 0;
    return (struct sum){row_weight(l) * (log(s.sum) + behind), row_weight(l) * (1 + log(s.sum) + s.spread + behind)};
}

int32_t reference_predicted(const float *logits, struct reference_label l) {
    return isnan(reference_loss(logits, l).value) ? -1 : (int32_t)softmax(l.classes, logits).best;
}

struct sum reference_dlogits(size_t n, const float *logits, struct reference_label l, size_t k) {
    struct softmax s = softmax(l.classes, logits);
    double behind = (double)logits[s.best] - logits[k], p = exp(-behind) / s.sum;
    double factor = row_weight(l) / (double)n;
    return (struct sum){factor * (p - target(l, k)), factor * (p * (1 + s.spread + behind) + target(l, k))};
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

/* Class weights take 5 more roundings: of two products, their sum, a quotient, and the product with the row. */
static void check_rows(struct rig *rig, struct conv_shape s, double share, double smoothing, bool weighted) {
    size_t n = s.n, classes = s.o, count = n * classes;
    float *logits = rig_floats(rig, count, -5, 5);
    int32_t *label = rig_labels(rig, n, classes), *partner = rig_labels(rig, n, classes);
    float *weight = weighted ? rig_floats(rig, classes, 0.1, 10) : NULL;
    double roundings = sum_roundings((double)classes) + 8 + (weighted ? 5 : 0); /* exp and log: 3 ulp each */
    struct tensor loss = rig_poisoned(rig, n), predicted = rig_poisoned(rig, n), dlogits = rig_poisoned(rig, count);
    struct targets targets = {rig_upload(rig, n, label), rig_upload(rig, n, partner), share, smoothing, weighted, {0}};
    if (weighted)
        targets.weight = rig_upload(rig, classes, weight);
    struct tensor in = rig_upload(rig, count, logits);
    RIG_RUN(rig, softmax_cross_entropy(rig->dev, n, classes, &targets, n, in, loss, predicted, dlogits));
#define LABEL(i) ((struct reference_label){classes, label[i], partner[i], share, smoothing, weight})
    RIG_COMPARE(rig, "loss", RIG_FLOATS, loss, roundings, i, reference_loss(logits + i * classes, LABEL(i)));
    RIG_COMPARE(rig, "predicted", RIG_INTEGERS, predicted, 0, i,
                sum_exactly(reference_predicted(logits + i * classes, LABEL(i))));
    RIG_COMPARE(rig, "dlogits", RIG_FLOATS, dlogits, roundings, i,
                reference_dlogits(n, logits + i / classes * classes, LABEL(i / classes), i % classes));
#undef LABEL
}

static void cross_entropy(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    check_rows(rig, s, 1, 0, false);
    check_rows(rig, s, 1, 0.1, false);
    check_rows(rig, s, 0.3, 0, false);
    check_rows(rig, s, 0.3, 0.1, false);
}

static void class_weights(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    check_rows(rig, s, 1, 0, true);
    check_rows(rig, s, 0.3, 0.1, true);
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
    struct tensor losses = rig_upload(rig, s.n, loss), labels = rig_upload(rig, s.n, label);
    struct tensor predictions = rig_upload(rig, s.n, predicted);
    RIG_RUN(rig, softmax_total(rig->dev, s.n, losses, predictions, labels, total, true, failed));
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
    CHECK("class weights", "softmax/softmax_cross_entropy", "linear", N | O, class_weights),
    CHECK("totals", "softmax/softmax_total", "linear", N, totals),
    {0},
};
