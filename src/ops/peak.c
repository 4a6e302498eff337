#include "ops/peak.h"

#include <stdio.h>

enum { CHAINS = 12, MOST_LANES = 16 }; /* CHAINS as in cl/peak.cl; MOST_LANES: a multiple of every vector width */

/* Vectors that a work-item moves, multiples of SUMS in cl/peak.cl; with simt, where many work-items hide the latency.
 * PEAK_WORDS / 2 is a multiple of both. */
enum { ROUNDS = 256, SIMT_ROUNDS = 8 };

size_t peak_sum_words(const struct dev *d, size_t items) {
    return items * (size_t)d->vector_width;
}

enum vggcl_err peak_multiply_add(struct dev *d, size_t items, size_t rounds, struct tensor sum, double *flops) {
    *flops = 2.0 * CHAINS * (double)rounds * (double)peak_sum_words(d, items);
    return dev_run(d, "peak/multiply_add", dev_vector_option(d, MOST_LANES), dev_grid(d, items, 1),
                   ARGS(A_INT(items), A_INT(rounds), A_FLOAT(1), A_MEM(sum)));
}

static size_t rounds_of(const struct dev *d) {
    return d->simt ? SIMT_ROUNDS : ROUNDS;
}

size_t peak_move_items(const struct dev *d, enum peak_move move, size_t words) {
    return words / (move == PEAK_COPY ? 2 : 1) / (size_t)d->vector_width / rounds_of(d);
}

enum vggcl_err peak_move(struct dev *d, enum peak_move move, bool stream, size_t words, struct tensor buffer,
                         struct tensor sum, double *bytes) {
    char options[64];
    size_t items = peak_move_items(d, move, words), rounds = rounds_of(d);
    struct range range = dev_grid(d, items, 1);
    struct arg item_step = A_INT(d->simt ? 1 : rounds), round_step = A_INT(d->simt ? items : 1);
    *bytes = 4.0 * (double)words;
    snprintf(options, sizeof options, "%s -DSTREAM=%d", dev_vector_option(d, MOST_LANES), stream);
    if (move == PEAK_READ)
        return dev_run(d, "peak/read", options, range,
                       ARGS(A_MEM(buffer), A_INT(items), A_INT(rounds), item_step, round_step, A_MEM(sum)));
    if (move == PEAK_WRITE)
        return dev_run(d, "peak/write", options, range,
                       ARGS(A_INT(items), A_INT(rounds), item_step, round_step, A_FLOAT(1), A_MEM(buffer)));
    return dev_run(d, "peak/copy", options, range,
                   ARGS(A_INT(items), A_INT(rounds), item_step, round_step, A_INT(words / 2 / (size_t)d->vector_width),
                        A_MEM(buffer)));
}
