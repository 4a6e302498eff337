/* channel.h - what is done along the channels of a row-major [rows][c] matrix, and how reductions are split up. */
#ifndef VGGCL_OPS_CHANNEL_H
#define VGGCL_OPS_CHANNEL_H

#include "cl/device.h"

/* y[row][c] = bias[c]. */
enum vggcl_err channel_broadcast(struct dev *d, size_t rows, size_t c, struct tensor bias, struct tensor y);

/* sum[c] = sum over rows of x[row][c], always in the same order. workspace: channel_workspace(d, rows, c) words. */
enum vggcl_err channel_sum(struct dev *d, size_t rows, size_t c, struct tensor x, struct tensor sum,
                           struct tensor workspace);
/* Enough for fewer rows too. */
size_t channel_workspace(const struct dev *d, size_t rows, size_t c);

/* How many vectors of channels a work-item takes that goes down the rows: four neighbours on CPUs, whose memory gives
 * stretches of a row faster than single vectors. */
size_t channel_columns(const struct dev *d, size_t c);

static inline size_t quotient_up(size_t a, size_t b) {
    return a / b + (a % b != 0);
}

/* Reductions over rows go in two levels: slabs of rows in parallel, then over the slabs. How rows are cut: into so many
 * slabs, unless these would have less than `least` rows, or more than `most`. */
struct slabbing {
    size_t slabs, least, most;
};
size_t slab_rows(struct slabbing s, size_t rows);  /* of each but the last */
size_t slab_count(struct slabbing s, size_t rows); /* which may be more of fewer rows, */
size_t slab_room(struct slabbing s, size_t rows);  /* but never more than this of so many or fewer */

/* Those of channel_sum() and of batch normalisation. */
size_t channel_slab_rows(const struct dev *d, size_t rows);
size_t channel_slabs(const struct dev *d, size_t rows);

/* How many work-items then take so many slabs of a vector of channels in turn, a work-group of them: one on CPUs. */
size_t channel_sharers(const struct dev *d, size_t slabs);

/* Runs a kernel that adds up slabs like that, for each vector of c channels. */
enum vggcl_err channel_finish(struct dev *d, const char *kernel, size_t slabs, size_t c, const struct arg *args);

#endif
