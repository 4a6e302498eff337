/* checked.h - a network whose methods passed the quick selfcheck on its device. */
#ifndef VGGCL_TUNE_CHECKED_H
#define VGGCL_TUNE_CHECKED_H

#include "data/dataset.h"
#include "nets/net.h"

/* Makes config's network for batches of `batch` images of `data`, without device memory, and runs the quick selfcheck
 * on it. While a method gives wrong results that another one can replace, repeats both with a context that knows of it
 * (see check_or_replace()), and adds a line to *warnings. The caller releases *net with net_free(), also after a
 * failure, and frees *warnings. */
enum vggcl_err checked_net(struct context *context, const struct vggcl_config *config, const struct data_spec *data,
                           size_t batch, struct net **net, char **warnings);

#endif
