/* selfcheck.c - vggcl_run_selfcheck(): runs check/check.h on the device that config names. */
#include "check/check.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/profile.h"

#include <string.h>

struct caller {
    vggcl_check_callback *checked;
    void *payload;
};

/* The caller's callback cannot end the checks. */
static bool tell(const struct vggcl_check *check, void *payload) {
    const struct caller *caller = payload;
    if (caller->checked)
        caller->checked(check, caller->payload);
    return true;
}

enum vggcl_err vggcl_run_selfcheck(const struct vggcl_config *config, bool quick, struct vggcl_selfcheck *result,
                                   vggcl_check_callback *checked, void *payload) {
    enum vggcl_err err;
    struct context context = {0};
    struct net *net = NULL;
    const struct data_spec spec = network_spec(config);
    struct tuned tuned;
    struct caller caller = {checked, payload};
    struct vggcl_config strict = *config; /* what is known to be wrong is checked too */
    strict.strict = true;
    memset(result, 0, sizeof *result);
    TRY(config_check(config));
    TRY_GOTO(profile_open(&strict, &context, &tuned), done);
    TRY_GOTO(network_create(&context, config, &spec, (size_t)config->batch, NULL, NULL, NET_TRAINS, &net), done);
    err = check_net(net, quick, &(struct check_report){tell, &caller, NULL}, result);
done:
    net_free(net);
    dev_close(context.dev);
    return err;
}
