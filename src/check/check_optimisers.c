#include "check/check_optimisers.h"
#include "check/operators.h"

/* What element i is after the step; *magnitude as struct optimiser's reference says. */
static struct optimised_element stepped(const struct optimiser *optimiser, const struct hyperparameters *h,
                                        double gradient, struct optimised_words before, size_t i,
                                        struct optimised_element *magnitude) {
    struct optimised_element element = {.weight = before.weight[i]};
    for (int k = 0; k < optimiser->state_count; k++)
        element.state[k] = before.state[k][i];
    optimiser->reference(h, gradient, &element, magnitude);
    return element;
}

struct sum reference_weight(const struct optimiser *optimiser, const struct hyperparameters *h, double gradient,
                            struct optimised_words before, size_t i) {
    struct optimised_element magnitude, after = stepped(optimiser, h, gradient, before, i, &magnitude);
    return (struct sum){after.weight, magnitude.weight};
}

struct sum reference_state(const struct optimiser *optimiser, const struct hyperparameters *h, int k, double gradient,
                           struct optimised_words before, size_t i) {
    struct optimised_element magnitude, after = stepped(optimiser, h, gradient, before, i, &magnitude);
    return (struct sum){after.state[k], magnitude.state[k]};
}

/* Steps that begin with states of 0; each is compared with what the reference makes of the device's words before it. */
static void optimiser_steps(struct rig *rig, const struct check *check, struct conv_shape s) {
    enum { SCALE = 1024, STEPS = 2 };
    const struct optimiser *optimiser = check->optimiser;
    struct hyperparameters h = usual_hyperparameters;
    size_t count = 9 * s.c * s.o;
    int32_t *zero = rig_zeros(rig, 4);
    struct optimised_words now = {.weight = rig_floats(rig, count, -1, 1)};
    struct optimised o = {
        .matrices = count, .failed = rig_upload(rig, 1, zero), .weight = rig_upload(rig, count, now.weight)};
    for (int k = 0; k < optimiser->state_count; k++) {
        now.state[k] = rig_zeros(rig, count * sizeof(float));
        o.state[k] = rig_upload(rig, count, now.state[k]);
    }
    h.scale = SCALE;
    h.lr = 0.01; /* the change of a weight is large enough for its rounding errors to show */
    for (h.number = 1; h.number <= STEPS; h.number++) {
        const float *gradient = rig_floats(rig, count, -SCALE, SCALE);
        o.gradient = rig_upload(rig, count, gradient);
        RIG_RUN(rig, optimiser->step(rig->dev, &h, &o));
        for (int k = 0; k < optimiser->state_count; k++)
            RIG_COMPARE(rig, optimiser->states[k], RIG_FLOATS, o.state[k], optimiser->roundings, i,
                        reference_state(optimiser, &h, k, gradient[i], now, i));
        RIG_COMPARE(rig, "weight", RIG_FLOATS, o.weight, optimiser->roundings, i,
                    reference_weight(optimiser, &h, gradient[i], now, i));
        now.weight = rig_download(rig, o.weight);
        for (int k = 0; k < optimiser->state_count; k++)
            now.state[k] = rig_download(rig, o.state[k]);
    }
}

#define OPTIMISER_CHECK(word, title)                                                                                   \
    {.name = "optimiser " #word,                                                                                       \
     .kernels = #word "/" #word "_step",                                                                               \
     .layer = "conv",                                                                                                  \
     .uses = C | O,                                                                                                    \
     .run = optimiser_steps,                                                                                           \
     .optimiser = &optimiser_##word},

const struct check optimisers_checks[] = {OPTIMISERS(OPTIMISER_CHECK){0}};
