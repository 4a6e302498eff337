/* exchange.h - what the ranks of a run (ranks/ranks.h) tell each other in a step: the sums of their gradients, and the
 * batch statistics and losses of their micro-batches.
 *
 * The gradients are read from the device layer by layer, the last layer first, and added up in buckets of at least
 * EXCHANGE_WORDS words, while the device goes on with the layers before. All ranks get the same bits: the sum in the
 * order of the ranks. */
#ifndef VGGCL_TRAIN_EXCHANGE_H
#define VGGCL_TRAIN_EXCHANGE_H

#include "nets/net.h"
#include "ranks/ranks.h"

enum { EXCHANGE_WORDS = 1 << 20, EXCHANGE_BUCKETS = 64 };

/* The gradients of the layers last .. first, `count` words from number `from` on; final: the last one of these layers
 * that has any. */
struct bucket {
    size_t first, last, final, from, count;
    struct fence fence; /* they are on the host */
    struct ranks_sum *sum;
    bool done;
};

struct exchange {
    struct net *net;  /* of the rank's lead */
    enum stored sent; /* how gradients are sent: STORED_FLOAT or STORED_BF16 */
    float *gradients; /* of all layers, the last one first */
    struct bucket buckets[EXCHANGE_BUCKETS];
    size_t bucket_count, words; /* words: of all gradients */
    size_t parts;               /* the most micro-batches of a rank in a step */
    size_t part_words;          /* of what a micro-batch tells */
    float *told, *all_told;     /* [parts + 1][part_words] of this rank, and of all: the losses and statistics of each
                                 * micro-batch; the first word of the last one is their number */
    double seconds, hidden; /* of communication since the last exchange_forget(), waits for slower ranks included; and
                             * the part of it before the step's last gradient came from the device */
    bool stepped;           /* a step was done */
    double last;            /* clock_seconds() of the last look at the sums, */
    bool under_way;         /* and whether any was under way then */
};

/* For the gradients of net, which are sent as `sent` says. parts: the most micro-batches of this rank in a step.
 * exchange_lay_out() sets everything but the memory. */
enum vggcl_err exchange_lay_out(struct exchange *e, struct net *net, enum stored sent, size_t parts);
enum vggcl_err exchange_make(struct exchange *e, struct net *net, enum stored sent, size_t parts);

/* Bytes that this rank sends to the others in a step, and as many that it receives. */
uint64_t exchange_bytes(const struct exchange *e);
void exchange_free(struct exchange *e);

/* Enqueues the reads of a layer's gradients; to be called for all layers, from the last to the first. */
enum vggcl_err exchange_read(struct exchange *e, size_t layer);

/* Where the total of this rank's micro-batch `part` of a step goes, 2 floats, and its batch statistics,
 * group_bytes[NET_BATCH_STATISTICS] bytes. */
float *exchange_total(struct exchange *e, size_t part);
float *exchange_statistics(struct exchange *e, size_t part);

/* Starts the measurement of communication anew. */
void exchange_forget(struct exchange *e);

/* Sums the gradients, and writes the sums to the device. */
enum vggcl_err exchange_sum(struct exchange *e);

/* Tells the other ranks the totals and statistics of this one's `count` micro-batches of a step, and calls each() for
 * those of all ranks in the order of their images. */
struct told {
    int rank;
    size_t part; /* of the rank */
    const float *total, *statistics;
};
enum vggcl_err exchange_tell(struct exchange *e, size_t count,
                             enum vggcl_err (*each)(const struct told *told, void *payload), void *payload);

#endif
