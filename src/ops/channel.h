/* channel.h - operations on the columns (channels) of a row-major matrix [rows][c], and how reductions over rows are
 * split up. */
#ifndef VGGCL_OPS_CHANNEL_H
#define VGGCL_OPS_CHANNEL_H

#include "cl/device.h"

/* y[row][c] = bias[c]. */
enum vggcl_err channel_broadcast(struct dev *d, size_t rows, size_t c, struct tensor bias, struct tensor y);

/* sum[c] = sum over rows of x[row][c], always added in the same order. workspace: channel_workspace(d, rows, c) words,
 * which are also enough for fewer rows. */
enum vggcl_err channel_sum(struct dev *d, size_t rows, size_t c, struct tensor x, struct tensor sum,
                           struct tensor workspace);
size_t channel_workspace(const struct dev *d, size_t rows, size_t c);

/* Number of adjacent vectors of channels that a work-item processes while it iterates over rows: up to 4 on CPUs, which
 * read longer contiguous pieces of a row faster; 1 with simt. */
size_t channel_columns(const struct dev *d, size_t c);

/* a / b, rounded up. */
static inline size_t quotient_up(size_t a, size_t b) {
    return a / b + (a % b != 0);
}

/* A reduction over rows has two steps: slabs of rows in parallel, then over the slabs. Rows are split into `slabs`
 * slabs, or fewer of `least` rows each, or more of `most` rows each. */
struct slabbing {
    size_t slabs, least, most;
};
size_t slab_rows(struct slabbing s, size_t rows);  /* rows of each slab except the last */
size_t slab_count(struct slabbing s, size_t rows); /* not monotonic in rows */
size_t slab_room(struct slabbing s, size_t rows);  /* upper bound of slab_count() for `rows` rows or fewer */

/* The slabs of channel_sum() and of batch normalisation. */
size_t channel_slab_rows(const struct dev *d, size_t rows);
size_t channel_slabs(const struct dev *d, size_t rows);

/* The number of work-items, all of one work-group, that reduce `slabs` slabs of a vector of channels together, each
 * every n-th slab: 1 on CPU cores, else a power of two. */
size_t channel_group_items(const struct dev *d, size_t slabs);

/* The second step: runs a kernel that reduces slabs, with channel_group_items() work-items for each vector of the c
 * channels. */
enum vggcl_err channel_finish(struct dev *d, const char *kernel, size_t slabs, size_t c, const struct arg *args);

#endif
