/* bn.h - batch normalisation (Ioffe and Szegedy 2015) of the c channels of a [pixels][c] matrix, as PyTorch's
 * BatchNorm2d computes it: y = (x - mean) / sqrt(variance + BN_EPSILON) * gamma + beta. Batches are normalised by the
 * biased variance; the running variance is unbiased. */
#ifndef VGGCL_OPS_BN_H
#define VGGCL_OPS_BN_H

#include "cl/device.h"

/* PyTorch's defaults for eps and momentum, the weight of a batch in the running statistics. */
#define BN_EPSILON  1e-5
#define BN_MOMENTUM 0.1

/* The vectors, of c floats each, of a batch normalisation: parameters, running statistics, and values that forward
 * saves for backward. */
struct bn {
    struct tensor gamma, beta, running_mean, running_variance;
    struct tensor mean, variance;    /* of the last training batch; unbiased variance; input of bn_move() */
    struct tensor inverse_deviation; /* of the last training batch: 1 / sqrt(biased variance + BN_EPSILON) */
    struct tensor scale, shift;      /* normalised x = x * scale + shift, with gamma and beta */
};

/* A batch's statistics are computed in two steps. bn_partial() splits x[pixels][c] into bn_slabs(d, pixels) slabs of
 * pixels and writes partial[slab][3][c]: the slab's number of pixels, the mean, and the sum of squared differences from
 * the mean; bn_partial_words(slabs, c) words. A convolution may write the same for its output (struct conv_plan's
 * slabs). bn_workspace(): words that are enough for bn_partial() on `pixels` pixels or fewer. */
size_t bn_slabs(const struct dev *d, size_t pixels);
size_t bn_partial_words(size_t slabs, size_t c);
size_t bn_workspace(const struct dev *d, size_t pixels, size_t c);
enum vggcl_err bn_partial(struct dev *d, size_t pixels, size_t c, struct tensor x, struct tensor partial);

/* Combines the slabs, always in the same order: sets bn's mean, variance, inverse_deviation, scale and shift. */
enum vggcl_err bn_finish(struct dev *d, size_t slabs, size_t c, const struct bn *bn, struct tensor partial);

/* running += BN_MOMENTUM * (batch - running), for all words. A no-op if failed[0] (int) is not 0, as in struct
 * optimised. */
enum vggcl_err bn_move(struct dev *d, struct tensor failed, struct tensor running, struct tensor batch);

/* For evaluation: sets bn's scale and shift from its running statistics. */
enum vggcl_err bn_running(struct dev *d, size_t c, const struct bn *bn);

/* dbeta[c] = sum over parts of partial[part][0][c], dgamma[c] = sum over parts of partial[part][1][c], always added in
 * the same order. */
enum vggcl_err bn_gradient_sums(struct dev *d, size_t parts, size_t c, struct tensor partial, struct tensor dgamma,
                                struct tensor dbeta);

#endif
