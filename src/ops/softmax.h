/* softmax.h - softmax cross-entropy loss. */
#ifndef VGGCL_OPS_SOFTMAX_H
#define VGGCL_OPS_SOFTMAX_H

#include "cl/device.h"

/* For n rows of logits[n][classes] and label[n] (int, 0..classes-1):
 *     target = (1 - smoothing) * onehot(label) + smoothing / classes
 *     loss[row] = log(sum_k exp(logits[row][k])) - sum_k target[row][k] * logits[row][k]
 *     predicted[row] (int) = argmax_k logits[row][k], the first of equal ones; -1 if the loss is NaN
 *     dlogits = (softmax(logits) - target) / divisor
 * The largest logit is subtracted first, so that exp() does not overflow. smoothing is PyTorch's label_smoothing
 * (Szegedy et al. 2016). dlogits is the gradient of the batch's mean loss if divisor is the number of rows in the whole
 * batch, of which these n rows may be a part. */
enum vggcl_err softmax_cross_entropy(struct dev *d, size_t n, size_t classes, double smoothing, double divisor,
                                     struct tensor logits, struct tensor label, struct tensor loss,
                                     struct tensor predicted, struct tensor dlogits);

/* Class weights, after softmax_cross_entropy(): multiplies loss[row] and dlogits[row] by weight[label[row]]; weight is
 * [classes]. The divisor stays the number of rows of the whole batch:
 *     loss of a batch = sum of weight[label] * loss / images
 * PyTorch's CrossEntropyLoss(weight=...) divides by the sum of the weights of the batch's labels instead. Divided by
 * the number of images, an image's share does not depend on the other images of its batch, so that micro-batches and
 * several devices add up to the whole batch's gradient. */
enum vggcl_err softmax_weigh(struct dev *d, size_t n, size_t classes, struct tensor label, struct tensor weight,
                             struct tensor loss, struct tensor dlogits);

/* total[0] = sum of loss, total[1] = number of correct predictions (floats, exact below 2^24 rows). If watch is set and
 * the sum is not finite, sets failed[0] (int) to 1; never resets it. */
enum vggcl_err softmax_total(struct dev *d, size_t n, struct tensor loss, struct tensor predicted, struct tensor label,
                             struct tensor total, bool watch, struct tensor failed);

#endif
