/* twin.h - a net's twin: the same layers, trained on the host in double precision. Whole trainings on a device are held
 * against it, as single operators are against reference.h. It is meant for narrow nets: a step takes about a second for
 * each 10^9 multiply-adds. */
#ifndef VGGCL_CHECK_TWIN_H
#define VGGCL_CHECK_TWIN_H

#include "net/net.h"

struct twin;

/* The twin of a net that was created, has memory or not, and outlives it; all parameters are 0. Release with
 * twin_free(), which takes NULL too. */
enum vggcl_err twin_create(const struct net *net, struct twin **twin);
void twin_free(struct twin *twin);

/* Sets parameter i, as net_parameter() counts, to values in PyTorch's order. */
enum vggcl_err twin_set(struct twin *twin, size_t i, const float *values);

/* Multiplies each trained number by 1 + change or 1 - change, by the toss of a coin: the same ones each time. */
void twin_disturb(struct twin *twin, double change);

/* One training step over the pass's images, which are a whole batch: forward, backward, SGD. images: NHWC. Returns the
 * mean loss before the step. */
double twin_step(struct twin *twin, const struct pass *pass, struct sgd sgd, const float *images, const int32_t *label);

#endif
