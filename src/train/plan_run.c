/* plan_run.c - vggcl_plan(): the device memory of a run. */
#include "data/data.h"
#include "options/network.h"
#include "options/options.h"
#include "train/deal.h"
#include "train/team.h"

#include <stdlib.h>
#include <string.h>

static enum vggcl_err plan_eval(struct team *t, size_t test) {
    const struct work work = {.data = t->data, .test = test, .batch = (size_t)t->config->batch};
    struct member *m = &t->members[0];
    if (t->count > 1)
        return err_set(VGGCL_EUSAGE, "device %s: names more than one device, but eval uses one; name one of them",
                       t->config->device);
    TRY(plan_net(&m->context, t->config, &work, &m->net, &t->plans[0]));
    return plan_least(&m->context, t->config, &work, &t->plans[0].least);
}

static enum vggcl_err plan_train(struct team *t, size_t train, size_t test) {
    struct vggcl_config config = *t->config;
    if (strcmp(config.device_split, "auto") == 0)
        return err_set(VGGCL_EUSAGE, "device-split auto: is measured when a run begins, not by plan; give plan the "
                                     "shares as numbers, such as 3:1");
    TRY(team_plan(t, train, test, &config));
    for (size_t i = 0; i < t->count; i++) {
        const struct work work = team_work(t, i, train, test);
        TRY(plan_least(&t->members[i].context, t->config, &work, &t->plans[i].least));
    }
    TRY(team_traffic(t, &t->plans[0].sent, &t->plans[0].received));
    for (size_t i = 1; i < t->count; i++) {
        t->plans[i].sent = t->plans[0].sent;
        t->plans[i].received = t->plans[0].received;
    }
    return VGGCL_OK;
}

/* Whether the options shape and classes describe the images to plan for. */
static bool has_own_spec(const struct vggcl_config *config) {
    const struct data_spec spec = network_spec(config), *usual = &data_default()->spec;
    return config_gives(config, "shape") || config_gives(config, "classes") || memcmp(&spec, usual, sizeof spec) != 0;
}

/* The images to plan for: those of the data set, or as many of the shape that config describes. */
static enum vggcl_err count_images(const struct vggcl_config *config, struct data_size *size) {
    const struct data_source source = network_data(config);
    bool own = has_own_spec(config);
    if (own && (*config->data || config->dataset))
        return err_set(VGGCL_EUSAGE,
                       "shape, classes: the data set %s has its own; leave these options out, or leave data out",
                       config->dataset ? "in memory" : config->data);
    TRY(data_count(&source, size));
    if (own)
        size->spec = network_spec(config);
    return VGGCL_OK;
}

enum vggcl_err vggcl_plan(const struct vggcl_config *given, bool eval, struct vggcl_plan **plans, size_t *count) {
    enum vggcl_err err;
    struct vggcl_config own = *given, *config = &own;
    struct data_size size;
    size_t *limited = eval ? &size.test : &size.train;
    *plans = NULL;
    *count = 0;
    TRY(config_check(config));
    TRY(config_use_dataset(config));
    if (eval && ranks_count() > 1)
        return err_set(VGGCL_EUSAGE, "eval: is done by one process; start this command without mpirun");
    TRY(deal_devices(config));
    struct team *t = calloc(1, sizeof *t);
    if (!t)
        return err_no_memory("the devices", sizeof *t);
    TRY_GOTO(count_images(config, &size), done);
    TRY_GOTO(data_suffices(size.train, size.test, !eval), done);
    if (config->limit > 0 && (size_t)config->limit < *limited)
        *limited = (size_t)config->limit;
    TRY_GOTO(team_open(t, config, &size.spec), done);
    TRY_GOTO(eval ? plan_eval(t, size.test) : plan_train(t, size.train, size.test), done);
    for (size_t i = 0; i < t->count; i++)
        profile_describe(&t->members[i].context, &t->members[i].tuned, t->plans[i].tuning, t->plans[i].wrong);
    *count = t->count;
    *plans = malloc(t->count * sizeof **plans);
    if (*plans)
        memcpy(*plans, t->plans, t->count * sizeof **plans);
    else
        err = err_no_memory("the plans", t->count * sizeof **plans);
done:
    team_free(t);
    free(t);
    return err;
}

void vggcl_plans_free(struct vggcl_plan *plans) {
    free(plans);
}
