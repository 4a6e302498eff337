#include "tune/checked.h"
#include "check/replace.h"
#include "options/network.h"

enum vggcl_err checked_net(struct context *context, const struct vggcl_config *config, const struct data_spec *data,
                           size_t batch, struct net **net, char **warnings) {
    struct vggcl_selfcheck result;
    bool replaced;
    *net = NULL;
    do {
        net_free(*net);
        *net = NULL;
        TRY(network_create(context, config, data, batch, NULL, NULL, NET_TRAINS, net));
        TRY(check_or_replace(*net, context, &result, &replaced, warnings));
    } while (replaced);
    return VGGCL_OK;
}
