/* plan.h - how much device memory a run needs, and the micro-batch, algorithms and chunk size with which it fits. */
#ifndef VGGCL_PLAN_PLAN_H
#define VGGCL_PLAN_PLAN_H

#include "data/dataset.h"
#include "nets/net.h"

/* The work of one device; evaluation only if train is 0. */
struct work {
    const struct data_spec *data;
    size_t train, test; /* images of the data set */
    size_t devices;     /* number of devices whose gradients it sums, itself included; 0 if another device does that */
    size_t batch, last; /* this device's images of a full batch, and (training) of an epoch's last batch */
};

/* Makes the fastest net for the work that fits config->mem_limit, and describes it in *plan as vggcl_plan() does,
 * except that plan->least stays 0 and plan->tuning empty. *net takes batches of up to plan->config.micro_batch images;
 * its device memory is not allocated yet. */
enum vggcl_err plan_net(const struct context *context, const struct vggcl_config *config, const struct work *work,
                        struct net **net, struct vggcl_plan *plan);

/* Sets *least to the smallest mem_limit, in bytes, with which plan_net() succeeds. */
enum vggcl_err plan_least(const struct context *context, const struct vggcl_config *config, const struct work *work,
                          uint64_t *least);

#endif
