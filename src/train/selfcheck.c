#include "train/selfcheck.h"
#include "base/clock.h"
#include "train/config.h"
#include "train/profile.h"

#include <string.h>

struct verdict {
    const struct check_report *listener;
    struct vggcl_selfcheck *result;
    struct vggcl_check first_failure;
};

static bool count(void *user, const struct vggcl_check *check) {
    struct verdict *verdict = user;
    verdict->result->checks++;
    if (!check->passed && !verdict->result->failures++)
        verdict->first_failure = *check;
    return verdict->listener ? verdict->listener->checked(verdict->listener->user, check) : check->passed;
}

enum vggcl_err selfcheck(const struct net *net, bool quick, const struct check_report *listener,
                         struct vggcl_selfcheck *result) {
    *result = (struct vggcl_selfcheck){.device = net->dev->info};
    struct verdict verdict = {.listener = listener, .result = result};
    double start = clock_seconds();
    TRY(check_operators(net, quick, &(struct check_report){&verdict, count}));
    result->seconds = clock_seconds() - start;
    const struct vggcl_check *failure = &verdict.first_failure;
    if (result->failures && !listener && !failure->ran)
        return VGGCL_EOPENCL; /* whose text is the whole reason */
    if (result->failures)
        return err_set(VGGCL_EDEVICE,
                       "%s (driver %s) computes wrong: %s (%s) of %s: %s; try another driver or --device",
                       result->device.name, result->device.driver, failure->name, failure->kernels, failure->shape,
                       failure->fault);
    return VGGCL_OK;
}

struct caller {
    void *user;
    void (*checked)(void *user, const struct vggcl_check *check);
};

static bool tell(void *user, const struct vggcl_check *check) {
    const struct caller *caller = user;
    if (caller->checked)
        caller->checked(caller->user, check);
    return true;
}

enum vggcl_err vggcl_run_selfcheck(const struct vggcl_config *config, bool quick, void *user,
                                   void (*checked)(void *user, const struct vggcl_check *check),
                                   struct vggcl_selfcheck *result) {
    enum vggcl_err err;
    struct layer_spec specs[VGG_LAYERS];
    struct dev *d = NULL;
    struct net *net = NULL;
    struct tuned tuned;
    struct caller caller = {user, checked};
    memset(result, 0, sizeof *result);
    TRY_GOTO(config_device(config, &d, &tuned), done);
    TRY_GOTO(net_create(d, specs, vgg_layers(config_vgg(config), specs), vgg_input, (size_t)config->batch,
                        config_word(config, "conv"), NET_TRAINS, &net),
             done);
    err = selfcheck(net, quick, &(struct check_report){&caller, tell}, result);
done:
    net_free(net);
    dev_close(d);
    return err;
}
