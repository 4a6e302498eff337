/* evaluate.h - evaluation of a net: loss and accuracy on a set of images. */
#ifndef VGGCL_TRAIN_EVALUATE_H
#define VGGCL_TRAIN_EVALUATE_H

#include "nets/feed.h"

/* Totals of the batches so far: images, correctly classified images, and the sum of the losses. */
struct tally {
    size_t images, correct;
    double loss_sum;
};

/* Called after each batch with the totals so far; an error ends the evaluation. The batch was the images first .. first
 * + n - 1 in the feed's order; predicted holds the n predicted classes. */
typedef enum vggcl_err evaluate_batch(const struct tally *so_far, size_t first, size_t n, const int32_t *predicted,
                                      void *payload);

/* Runs the net in inference mode over all images of feed, in the feed's order. mirrored_too: use the mean
 * logits of each image and its horizontal flip (test-time augmentation). batch_done may be NULL. */
enum vggcl_err evaluate(struct net *net, const struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
                        void *payload, struct tally *tally);

#endif
