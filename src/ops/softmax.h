/* softmax.h - softmax cross-entropy of n rows of logits. */
#ifndef VGGCL_OPS_SOFTMAX_H
#define VGGCL_OPS_SOFTMAX_H

#include "cl/device.h"

/* loss[row] = log(sum_k exp(logits[row][k])) - sum_k target[row][k] * logits[row][k], computed from the largest logit
 * down, where target = (1 - smoothing) * onehot(label) + smoothing / classes (Szegedy et al. 2016, PyTorch's
 * label_smoothing); predicted[row] (int) = the first largest logit, -1 where the loss is NaN;
 * dlogits = (softmax(logits) - target) / divisor: the gradient of the mean loss where that is the number of rows in the
 * whole batch, of which these n may be a part. label: int, 0..classes-1. */
enum vggcl_err softmax_cross_entropy(struct dev *d, size_t n, size_t classes, double smoothing, double divisor,
                                     struct tensor logits, struct tensor label, struct tensor loss,
                                     struct tensor predicted, struct tensor dlogits);

/* total[0] = sum of loss, total[1] = how many predictions are right (floats; exact below 2^24 rows). Where watch is set
 * and the sum is not finite, failed[0] (int) becomes 1, and stays so. */
enum vggcl_err softmax_total(struct dev *d, size_t n, struct tensor loss, struct tensor predicted, struct tensor label,
                             struct tensor total, bool watch, struct tensor failed);

#endif
