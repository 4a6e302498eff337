/* sgd.c - stochastic gradient descent as torch.optim.SGD: L2 weight decay, momentum (Nesterov's or not), no dampening.
 * With g = gradient / scale + weight_decay * weight:
 *
 *     velocity = momentum * velocity + g
 *     weight  -= lr * velocity                      or with nesterov
 *     weight  -= lr * (g + momentum * velocity) */
#include "base/text.h"
#include "ops/optimisers/optimiser.h"

#include <math.h>

static enum vggcl_err step(struct dev *d, const struct hyperparameters *h, const struct optimised *o) {
    size_t count = o->weight.count, decayed = h->no_bias_decay ? o->matrices : count;
    size_t blocks = count / (size_t)dev_vector_width(d, (int)count);
    return dev_run(d, "sgd/sgd_step", dev_vector_option(d, (int)count), RANGE(blocks),
                   ARGS(A_MEM(o->failed), A_MEM(o->weight), A_MEM(o->gradient), A_MEM(o->state[0]), A_INT(blocks),
                        A_INT(decayed), A_FLOAT(h->lr), A_FLOAT(h->momentum), A_FLOAT(h->weight_decay),
                        A_INT(h->nesterov), A_FLOAT(1 / h->scale)));
}

static void reference(const struct hyperparameters *h, double gradient, struct optimised_element *element,
                      struct optimised_element *magnitude) {
    double decay = h->weight_decay * element->weight, unscaled = gradient / h->scale, g = unscaled + decay;
    double size = fabs(unscaled) + fabs(decay), old = h->momentum * element->state[0];
    element->state[0] = old + g;
    magnitude->state[0] = fabs(old) + size;
    double change = h->nesterov ? g + h->momentum * element->state[0] : element->state[0];
    double change_size = h->nesterov ? size + h->momentum * magnitude->state[0] : magnitude->state[0];
    magnitude->weight = fabs(element->weight) + h->lr * change_size;
    element->weight -= h->lr * change;
}

static void describe(const struct hyperparameters *h, char *text, size_t size) {
    text_print(text, size, "%smomentum %g", h->nesterov ? "Nesterov " : "", h->momentum);
}

const struct optimiser optimiser_sgd = {
    .name = "sgd",
    .state_count = 1,
    .states = {"velocity"},
    .memory = "momentum",
    .options = {"momentum", "nesterov"},
    .roundings = 8, /* four products, three sums, and the constants' own rounding to float */
    .describe = describe,
    .step = step,
    .reference = reference,
};
