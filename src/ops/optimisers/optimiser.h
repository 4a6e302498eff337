/* optimiser.h - optimisers: how a training step changes the weights.
 *
 * To add an optimiser: write its file, which ends in a const struct optimiser, its kernels in cl/ and its test, and add
 * a row to OPTIMISERS. Options, help, checkpoints, memory plans, checks and tests read everything else from the struct.
 */
#ifndef VGGCL_OPS_OPTIMISERS_OPTIMISER_H
#define VGGCL_OPS_OPTIMISERS_OPTIMISER_H

#include "cl/device.h"

/* The list of optimisers, in the order of the choices of --optimizer: ROW(name, title), where optimiser_<name> is the
 * struct, <name> the option's value and title its description in --help. The first one is the default. */
#define OPTIMISERS(ROW)                                                                                                \
    ROW(sgd, "stochastic gradient descent with momentum, as PyTorch's SGD")                                            \
    ROW(adamw, "Adam with decoupled weight decay, as PyTorch's AdamW (whose lr is 0.001, weight decay 0.01)")

/* Maximum number of state tensors per parameter, and of options that only this optimiser reads. */
enum { OPTIMISER_STATES = 2, OPTIMISER_OPTIONS = 4 };

/* The hyperparameters of one step; each optimiser reads only its own. */
struct hyperparameters {
    double lr, weight_decay;
    bool no_bias_decay; /* no weight decay on biases and batch-norm parameters */
    int64_t number;     /* number of the step in the run, from 1 */
    double scale;       /* gradients are multiplied by this power of two (loss scaling); set by net_step() */
    double momentum;
    bool nesterov;
    double beta1, beta2, eps;
};

/* Hyperparameters for timings and checks: each optimiser's usual ones, number 1, scale 1, and a learning rate of 1e-4.
 * At larger learning rates training with batch normalisation amplifies rounding errors from step to step, at 0.01 by
 * 10^5 within eight steps of SGD, and its losses cannot be compared with those of another device. */
extern const struct hyperparameters usual_hyperparameters;

/* The hyperparameters for biases and batch-norm parameters: h, without weight decay if no_bias_decay is set. */
static inline struct hyperparameters hyperparameters_of_vectors(struct hyperparameters h) {
    if (h.no_bias_decay)
        h.weight_decay = 0;
    return h;
}

/* The operands of a step: tensors of equal size; word i of each belongs to the same element of a parameter. The words
 * from number `matrices` on, a multiple of the vector width, are biases and batch-norm parameters. */
struct optimised {
    struct tensor weight, gradient, state[OPTIMISER_STATES];
    size_t matrices;
    struct tensor failed; /* int: if failed[0] is not 0, a step is a no-op */
};

/* One element in double precision. */
struct optimised_element {
    double weight, state[OPTIMISER_STATES];
};

struct optimiser {
    const char *name; /* value of --optimizer */
    int state_count;
    const char *states[OPTIMISER_STATES];   /* state k of parameter P is the tensor "<states[k]>.P" in a checkpoint */
    const char *memory;                     /* name of the states' memory in `vggcl plan` */
    const char *options[OPTIMISER_OPTIONS]; /* options that only this optimiser reads; ends with NULL */

    /* Bound of a step's rounding error, in units of FLT_EPSILON times the magnitude (see reference). */
    double roundings;

    /* Writes a description with the optimiser's hyperparameters: "Nesterov momentum 0.9". */
    void (*describe)(const struct hyperparameters *h, char *text, size_t size);

    /* Enqueues one step on all words. States are 0 before the first step. The first loss that is not finite sets
     * `failed`, so that steps which are already enqueued do not change the weights. */
    enum vggcl_err (*step)(struct dev *d, const struct hyperparameters *h, const struct optimised *o);

    /* The same step on one element in double precision, for checks; updates *element. Each number of *magnitude is set
     * to the sum of the absolute values of the terms of that number: rounding errors are proportional to it. */
    void (*reference)(const struct hyperparameters *h, double gradient, struct optimised_element *element,
                      struct optimised_element *magnitude);
};

#define OPTIMISER_DECLARATION(name, title) extern const struct optimiser optimiser_##name;
OPTIMISERS(OPTIMISER_DECLARATION)
#undef OPTIMISER_DECLARATION

/* The table, and the names of its rows; both end with NULL. */
extern const struct optimiser *const optimisers[];
extern const char *const optimiser_names[];

#endif
