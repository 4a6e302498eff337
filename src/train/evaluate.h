/* evaluate.h - evaluation of a net: loss and accuracy on a set of images; and of a weights file on a data set. */
#ifndef VGGCL_TRAIN_EVALUATE_H
#define VGGCL_TRAIN_EVALUATE_H

#include "nets/feed.h"
#include "plan/plan.h"
#include "train/checkpoint.h"

/* Totals of the batches so far: images, correctly classified images, and the sum of the losses. */
struct tally {
    size_t images, correct;
    double loss_sum;
};

/* Computes the logits of the pass->n images from position `first` of the feed's order on, in inference mode;
 * mirrored_too: the mean logits of each image and its horizontal flip (test-time augmentation). */
enum vggcl_err evaluate_logits(struct net *net, struct feed *feed, size_t first, const struct pass *pass,
                               bool mirrored_too);

/* Softmax: probabilities[k] = exp(logits[k] - m) / sum over j of exp(logits[j] - m), with m the largest logit. */
void evaluate_softmax(const float *logits, size_t count, float *probabilities);

/* Called after each batch with the totals so far; an error ends the evaluation. The batch was the images first .. first
 * + n - 1 in the feed's order; predicted holds the n predicted classes. */
typedef enum vggcl_err evaluate_batch(const struct tally *so_far, size_t first, size_t n, const int32_t *predicted,
                                      void *payload);

/* Runs the net in inference mode over all images of feed, in the feed's order. mirrored_too: see
 * evaluate_logits(). batch_done may be NULL. */
enum vggcl_err evaluate(struct net *net, struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
                        void *payload, struct tally *tally);

/* plan_net() of a network that only evaluates, and, unless config->no_selfcheck is set, the quick selfcheck of its
 * convolutions and matrix products. A method that gives wrong results is replaced as check_or_replace() does, and
 * stored in the device's profile; a line for each is added to *warnings. The caller releases *net and *warnings, also
 * after a failure. */
enum vggcl_err evaluate_plan(struct context *context, const struct vggcl_config *config, const struct work *work,
                             struct net **net, struct vggcl_plan *plan, char **warnings);

/* A weights file, the data set that it is evaluated on, and its network on a device. */
struct evaluator {
    struct vggcl_config config; /* with the file's network, and its data set unless another one was set */
    struct safetensors file;
    struct data data; /* without the test images beyond config.limit */
    struct context context;
    struct net *net;
    char *warnings; /* of weights_open() and evaluate_plan(); NULL for none */
};

/* Opens what config names, as vggcl_evaluate() does. Call evaluator_close() on failure too. */
enum vggcl_err evaluator_open(struct evaluator *e, const struct vggcl_config *config);
void evaluator_close(struct evaluator *e);

/* Evaluates the test set. The warnings and the names of its files move from e to *evaluation. On failure *evaluation
 * has nothing to free. */
enum vggcl_err evaluator_run(struct evaluator *e, struct vggcl_evaluation *evaluation);

#endif
