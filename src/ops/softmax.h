/* softmax.h - softmax cross-entropy loss. */
#ifndef VGGCL_OPS_SOFTMAX_H
#define VGGCL_OPS_SOFTMAX_H

#include "cl/device.h"

/* What the n rows of a loss are compared with. */
struct targets {
    struct tensor label, partner_label; /* [n] int, 0..classes-1; partner_label is not used if share is 1 */
    double share;                       /* of label; the rest is that of partner_label (mixup) */
    double smoothing;
    bool weighted;
    struct tensor weight; /* [classes], positive; not used unless weighted is set */
};

/* For n rows of logits[n][classes]:
 *     target(class) = (1 - smoothing) * onehot(class) + smoothing / classes
 *     CE(class) = weight[class] * (log(sum_k exp(logits[row][k])) - sum_k target(class)[k] * logits[row][k])
 *     loss[row] = share * CE(label) + (1 - share) * CE(partner_label)
 *     dlogits[row] = the gradient of loss[row] / divisor
 *     predicted[row] (int) = argmax_k logits[row][k], the first of equal ones; -1 if the loss is NaN
 * The largest logit is subtracted first, so that exp() does not overflow. smoothing is PyTorch's label_smoothing
 * (Szegedy et al. 2016). dlogits is the gradient of the batch's mean loss if divisor is the number of rows in the whole
 * batch, of which these n rows may be a part; so it is with class weights:
 *     loss of a batch = sum of weight[label] * loss / images
 * PyTorch's CrossEntropyLoss(weight=...) divides by the sum of the weights of the batch's labels instead. Divided by
 * the number of images, an image's share does not depend on the other images of its batch, so that micro-batches and
 * several devices add up to the whole batch's gradient. */
enum vggcl_err softmax_cross_entropy(struct dev *d, size_t n, size_t classes, const struct targets *targets,
                                     double divisor, struct tensor logits, struct tensor loss, struct tensor predicted,
                                     struct tensor dlogits);

/* total[0] = sum of loss, total[1] = number of correct predictions (floats, exact below 2^24 rows). If watch is set and
 * the sum is not finite, sets failed[0] (int) to 1; never resets it. */
enum vggcl_err softmax_total(struct dev *d, size_t n, struct tensor loss, struct tensor predicted, struct tensor label,
                             struct tensor total, bool watch, struct tensor failed);

#endif
