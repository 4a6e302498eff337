/* plan.h - what a run will take of its device's memory, and how to make it fit. */
#ifndef VGGCL_TRAIN_PLAN_H
#define VGGCL_TRAIN_PLAN_H

#include "net/net.h"

/* Lays out config's network for train and test images on the device, which lie there too; without training images for
 * evaluation alone. *net, to be allocated, has room for plan->config.micro_batch images. As vggcl_plan() says; but
 * plan->least is left 0. */
enum vggcl_err plan_net(struct dev *d, const struct vggcl_config *config, size_t train, size_t test, struct net **net,
                        struct vggcl_plan *plan);

#endif
