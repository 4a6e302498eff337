/* bn.h - batch normalisation over the rows of a [pixels][c] matrix (Ioffe and Szegedy 2015), as PyTorch's
 * BatchNorm2d: eps 1e-5, the running variance unbiased, momentum 0.1. */
#ifndef VGGCL_OPS_BN_H
#define VGGCL_OPS_BN_H

#include "cl/device.h"

/* The vectors [c] of one normalisation: its parameters, its running statistics, and what forward leaves to backward. */
struct bn {
    struct tensor gamma, beta, running_mean, running_variance;
    struct tensor mean, variance; /* of the last training batch, the variance unbiased: the running ones' next target */
    struct tensor inverse_deviation; /* of the last training batch */
    struct tensor scale, shift;      /* normalised x = x * scale + shift, gamma and beta included */
};

/* A batch's statistics, in two levels. partial[slab][3][c]: of a slab of pixels their number, their mean and the sum of
 * squares about it. bn_partial() takes bn_slabs(d, pixels) slabs of x[pixels][c]; a convolution may do as much for its
 * output (conv_slabs() in ops/conv.h). */
size_t bn_slabs(const struct dev *d, size_t pixels);
size_t bn_partial_words(size_t slabs, size_t c);
size_t bn_workspace(const struct dev *d, size_t pixels,
                    size_t c); /* enough words for bn_partial() of so many pixels, or of fewer */
enum vggcl_err bn_partial(struct dev *d, size_t pixels, size_t c, struct tensor x, struct tensor partial);

/* mean, variance, inverse_deviation, scale and shift from the slabs, in their order. */
enum vggcl_err bn_finish(struct dev *d, size_t slabs, size_t c, const struct bn *bn, struct tensor partial);

/* running statistics = 0.9 * themselves + 0.1 * those of a batch, on all words. Where failed[0] (int) is not 0, nothing
 * moves, as in sgd_step(). */
enum vggcl_err bn_move(struct dev *d, struct tensor failed, struct tensor running, struct tensor batch);

/* scale and shift from the running statistics. */
enum vggcl_err bn_running(struct dev *d, size_t c, const struct bn *bn);

/* dbeta and dgamma = the sums over parts, in their order, of partial[part][0][c] and partial[part][1][c]. */
enum vggcl_err bn_gradient_sums(struct dev *d, size_t parts, size_t c, struct tensor partial, struct tensor dgamma,
                                struct tensor dbeta);

#endif
