/* evaluate.h - running images through a net without learning from them. */
#ifndef VGGCL_TRAIN_EVALUATE_H
#define VGGCL_TRAIN_EVALUATE_H

#include "train/feed.h"

/* After each batch: images done so far, their losses' sum and how many were right. */
struct tally {
    size_t images, correct;
    double loss_sum;
};

/* Called after each batch with its number, its labels' positions having been first .. first + n - 1 of the feed's
 * order, and what was predicted for them. */
typedef void evaluate_batch(void *user, const struct tally *so_far, size_t first, size_t n, const int32_t *predicted);

/* The net in inference over all images of feed, in the feed's order; with mirrored_too the logits are the mean of an
 * image's and its mirror image's. batch_done may be NULL. */
enum vggcl_err evaluate(struct net *net, const struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
                        void *user, struct tally *tally);

#endif
