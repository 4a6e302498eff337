/* adamw.c - Adam with decoupled weight decay, as torch.optim.AdamW (Loshchilov and Hutter, "Decoupled Weight Decay
 * Regularization", 2019). In step t, with g = gradient / scale:
 *
 *     m = beta1 * m + (1 - beta1) * g               exp_avg, the first moment
 *     v = beta2 * v + (1 - beta2) * g^2             exp_avg_sq, the second moment
 *     weight *= 1 - lr * weight_decay
 *     weight -= lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps) */
#include "base/text.h"
#include "ops/optimisers/optimiser.h"

#include <math.h>

/* Bias correction of the moments, which start as 0: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t). */
static double step_size(const struct hyperparameters *h) {
    return h->lr / (1 - pow(h->beta1, (double)h->number));
}
static double correction(const struct hyperparameters *h) {
    return 1 / sqrt(1 - pow(h->beta2, (double)h->number));
}

static void describe(const struct hyperparameters *h, char *text, size_t size) {
    text_print(text, size, "AdamW with beta1 %g, beta2 %g, eps %g", h->beta1, h->beta2, h->eps);
}

static enum vggcl_err step(struct dev *d, const struct hyperparameters *h, const struct optimised *o) {
    size_t count = o->weight.count, decayed = h->no_bias_decay ? o->matrices : count;
    size_t blocks = count / (size_t)dev_vector_width(d, (int)count);
    return dev_run(d, "adamw/adamw_step", dev_vector_option(d, (int)count), RANGE(blocks),
                   ARGS(A_MEM(o->failed), A_MEM(o->weight), A_MEM(o->gradient), A_MEM(o->state[0]), A_MEM(o->state[1]),
                        A_INT(blocks), A_INT(decayed), A_FLOAT(1 - h->lr * h->weight_decay), A_FLOAT(step_size(h)),
                        A_FLOAT(h->beta1), A_FLOAT(1 - h->beta1), A_FLOAT(h->beta2), A_FLOAT(1 - h->beta2),
                        A_FLOAT(correction(h)), A_FLOAT(h->eps), A_FLOAT(1 / h->scale)));
}

static void reference(const struct hyperparameters *h, double gradient, struct optimised_element *element,
                      struct optimised_element *magnitude) {
    double g = gradient / h->scale, *m = &element->state[0], *v = &element->state[1];
    magnitude->state[0] = h->beta1 * fabs(*m) + (1 - h->beta1) * fabs(g);
    *m = h->beta1 * *m + (1 - h->beta1) * g;
    *v = magnitude->state[1] = h->beta2 * *v + (1 - h->beta2) * g * g;
    double kept = element->weight * (1 - h->lr * h->weight_decay);
    double factor = step_size(h) / (sqrt(*v) * correction(h) + h->eps);
    element->weight = kept - factor * *m;
    magnitude->weight = fabs(kept) + factor * magnitude->state[0];
}

const struct optimiser optimiser_adamw = {
    .name = "adamw",
    .state_count = 2,
    .states = {"exp_avg", "exp_avg_sq"},
    .memory = "first and second moments",
    .options = {"beta1", "beta2", "eps"},
    .roundings = 16, /* division 2.5, square root 3, eight products, four sums and the constants' rounding to float */
    .describe = describe,
    .step = step,
    .reference = reference,
};
