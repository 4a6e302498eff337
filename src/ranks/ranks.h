/* ranks.h - the processes, ranks, of a run that mpirun or srun started on one or several machines. Rank 0 leads: it
 * alone prints and saves, and the others do what it tells them. Without MPI, or in a process that was started alone,
 * there is one rank, and nothing here communicates.
 *
 * All ranks call the functions below in the same order. A rank that waits for another one tells base/activity.h which,
 * so that the program's watchdog can name it; what another rank has reported by ranks_fail() ends the wait. */
#ifndef VGGCL_RANKS_RANKS_H
#define VGGCL_RANKS_RANKS_H

#include "base/err.h"
#include "base/stored.h"

#include <stdbool.h>
#include <stddef.h>

/* Where a process is among those that its launcher started, by the launcher's environment variables; count is 1 for a
 * process that was started alone. */
struct ranks_launch {
    int rank, count;
};
struct ranks_launch ranks_launched(void);

/* Connects the ranks, if the process was started as one of several. VGGCL_EUSAGE if this build lacks MPI, or the
 * launcher and MPI do not see the same processes. */
enum vggcl_err ranks_begin(void);

/* Ends the connection. failed: ends all ranks with that exit status at once; a rank but the first first leaves rank 0
 * time to say why, which leaves MPICH's launcher time to pass that on. */
void ranks_end(int failed);

int ranks_rank(void);
int ranks_count(void);

/* The number of this rank among those of its machine, and how many these are. */
void ranks_local(int *rank, int *count);

/* "rank 1 of 4 on node2", for errors. Valid until ranks_end(). */
const char *ranks_name(int rank);
const char *ranks_host(int rank); /* "node2" */

/* Tells rank 0, or if this is rank 0 all others, that this rank has failed, and why. */
void ranks_fail(const char *why);

/* Copies `bytes` bytes from rank 0 to all others, which wait as long as for a driver that compiles: rank 0 may be at
 * other work. */
enum vggcl_err ranks_share(void *data, size_t bytes);

/* The same where rank 0 is never long at other work: an order. */
enum vggcl_err ranks_order(void *order, size_t bytes);

/* The same to rank `to` alone, not 0; the others do nothing. */
enum vggcl_err ranks_give(int to, void *data, size_t bytes);

/* all[rank * bytes ..] = the `mine` of each rank. */
enum vggcl_err ranks_gather(const void *mine, size_t bytes, void *all);

/* The same into memory of its own, *all, to be freed, also after a failure. */
enum vggcl_err ranks_collect(const void *mine, size_t bytes, void **all);

/* values[i] = the sum over all ranks of values[i], added in the order of the ranks, so that it has the same bits every
 * time and on all ranks. Each rank adds up a slice of the values, and sends its sums to the others: in total 8 * count
 * * (ranks - 1) / ranks bytes in each direction, or half of that where `stored` is STORED_BF16: then values and sums
 * are rounded to bfloat16, and added in float. ranks_sum_begin() starts this; values must not be used until *done is
 * set by ranks_sum_go_on(), which does not wait. tag: a number that no other sum has at the same time, 0 to 9999. */
struct ranks_sum;
enum vggcl_err ranks_sum_begin(float *values, size_t count, enum stored stored, int tag, struct ranks_sum **sum);
enum vggcl_err ranks_sum_go_on(struct ranks_sum *sum, bool *done);
int ranks_sum_awaits(const struct ranks_sum *sum); /* the rank that it waits for */
void ranks_sum_free(struct ranks_sum *sum);        /* NULL is allowed */

/* Sleeps between two calls that do not wait: longer each time of a wait, at most a millisecond. *pauses: 0 at first. */
void ranks_pause(int *pauses);

#endif
