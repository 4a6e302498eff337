#include "optimiser.h"

#include "check/check_optimisers.h"

#include <string.h>

static struct optimised make(const struct optimiser *optimiser, size_t count, int32_t failed,
                             struct optimised_words *words) {
    struct optimised o = {.matrices = count / 128 * 64, .failed = upload(1, &failed)}; /* in whole vectors */
    words->weight = random_floats(count, -1, 1);
    o.weight = upload(count, words->weight);
    for (int k = 0; k < optimiser->state_count; k++) {
        words->state[k] = zeros(count * sizeof(float));
        o.state[k] = upload(count, words->state[k]);
    }
    return o;
}

void check_steps(const struct optimiser *optimiser, struct hyperparameters h, size_t count, int last) {
    struct optimised_words words = {0};
    struct optimised o = make(optimiser, count, 0, &words);
    const struct hyperparameters *of[2] = {&h, &h};
    for (h.number = 1; h.number <= last; h.number++) {
        const struct hyperparameters of_vectors = hyperparameters_of_vectors(h);
        const float *gradient = random_floats(count, -1, 1);
        const char *what = text("%s, %zu words, step %d", optimiser->name, count, (int)h.number);
        of[1] = &of_vectors;
        o.gradient = upload(count, gradient);
        CHECK(optimiser->step(device, &h, &o));
        for (int k = 0; k < optimiser->state_count; k++)
            COMPARE(what, o.state[k], optimiser->roundings, i,
                    reference_state(optimiser, of[i >= o.matrices], k, gradient[i], words, i));
        COMPARE(what, o.weight, optimiser->roundings, i,
                reference_weight(optimiser, of[i >= o.matrices], gradient[i], words, i));
        COMPARE(what, o.gradient, 0, i, sum_exactly(gradient[i]));
        words.weight = download(o.weight);
        for (int k = 0; k < optimiser->state_count; k++)
            words.state[k] = download(o.state[k]);
    }
}

void check_stands_still(const struct optimiser *optimiser, struct hyperparameters h) {
    enum { WORDS = 37 };
    struct optimised_words words = {0};
    struct optimised o = make(optimiser, WORDS, 1, &words);
    o.gradient = upload(WORDS, random_floats(WORDS, -1, 1));
    CHECK(optimiser->step(device, &h, &o));
    assert_memory_equal(download(o.weight), words.weight, WORDS * sizeof(float));
    for (int k = 0; k < optimiser->state_count; k++)
        assert_memory_equal(download(o.state[k]), words.state[k], WORDS * sizeof(float));
}
