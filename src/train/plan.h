/* plan.h - what a run will take of its device's memory, and how to make it fit. */
#ifndef VGGCL_TRAIN_PLAN_H
#define VGGCL_TRAIN_PLAN_H

#include "net/net.h"

/* What a device is to do; without training images evaluation alone. */
struct work {
    size_t train, test; /* images that lie on it */
    size_t batch, last; /* images of a whole batch and, in training, of an epoch's last one that are its part */
};

/* Lays out config's network for the work. *net, to be allocated, has room for plan->config.micro_batch images. As
 * vggcl_plan() says; but plan->least is left 0, and plan->tuning empty. */
enum vggcl_err plan_net(struct dev *d, const struct vggcl_config *config, const struct work *work, struct net **net,
                        struct vggcl_plan *plan);

/* The smallest mem_limit that would do. */
enum vggcl_err plan_least(struct dev *d, const struct vggcl_config *config, const struct work *work, uint64_t *least);

#endif
