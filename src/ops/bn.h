/* bn.h - batch normalisation over the rows of a [pixels][c] matrix (Ioffe and Szegedy 2015), as PyTorch's
 * BatchNorm2d: eps 1e-5, the running variance unbiased, momentum 0.1. */
#ifndef VGGCL_OPS_BN_H
#define VGGCL_OPS_BN_H

#include "cl/device.h"

/* The vectors [c] of one normalisation: its parameters, its running statistics, and what forward leaves to backward. */
struct bn {
    struct tensor gamma, beta, running_mean, running_variance;
    struct tensor mean, inverse_deviation; /* of the last training batch */
    struct tensor scale, shift;            /* y = x * scale + shift */
};

/* y = gamma * (x - mean) / sqrt(variance + eps) + beta with the batch's statistics, which move the running ones.
 * workspace: bn_workspace(pixels, c) words. */
enum vggcl_err bn_train(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x, struct tensor y,
                        struct tensor workspace);

/* The same with the running statistics. */
enum vggcl_err bn_infer(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x, struct tensor y);

/* After bn_train on the same x: dgamma = sum of dy * normalised x, dbeta = sum of dy, and
 * dx = gamma / deviation * (dy - dbeta / pixels - normalised x * dgamma / pixels). dx may be dy. */
enum vggcl_err bn_backward(struct dev *d, size_t pixels, size_t c, const struct bn *bn, struct tensor x,
                           struct tensor dy, struct tensor dgamma, struct tensor dbeta, struct tensor dx,
                           struct tensor workspace);

size_t bn_workspace(size_t pixels, size_t c);

#endif
