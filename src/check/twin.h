/* twin.h - the twin of a net: the same layers, trained on the host in double precision. Whole trainings on a device are
 * compared with it, as single operators are with their references. It is meant for narrow nets: a step takes about a
 * second for each 10^9 multiply-adds. */
#ifndef VGGCL_CHECK_TWIN_H
#define VGGCL_CHECK_TWIN_H

#include "nets/net.h"

struct twin;

/* net needs no device memory and must outlive the twin. All parameters are 0. Free it with twin_free(), which accepts
 * NULL. */
enum vggcl_err twin_create(const struct net *net, struct twin **twin);
void twin_free(struct twin *twin);

/* Sets parameter i, counted as by net_parameter(), to values in PyTorch's order. */
enum vggcl_err twin_set(struct twin *twin, size_t i, const float *values);

/* Multiplies each parameter at random by 1 + change or 1 - change, the same each time. */
void twin_disturb(struct twin *twin, double change);

/* A training step on the pass's images (NHWC), which are a whole batch: forward, backward, a step of the net's
 * optimiser. Returns the mean loss before the step. */
double twin_step(struct twin *twin, const struct pass *pass, struct hyperparameters h, const float *images,
                 const int32_t *label);

#endif
