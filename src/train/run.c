#include "train/run.h"
#include "base/text.h"
#include "options/network.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What is known once the devices are open, for start->devices and ->images. */
struct shares {
    const struct vggcl_device *devices[VGGCL_DEVICES];
    size_t images[VGGCL_DEVICES];
};

/* net: of the run, maybe without memory. */
static struct vggcl_start describe(const struct run *run, const struct net *net, struct shares *shares) {
    const struct team *t = &run->team;
    struct hyperparameters h = network_hyperparameters(&run->config);
    struct vggcl_start start = {.device_count = t->count,
                                .devices = shares->devices,
                                .images = shares->images,
                                .config = run->config,
                                .parameters = net_trained_count(net),
                                .train_images = run->data.train.count,
                                .test_images = run->data.test.count,
                                .first_epoch = run->progress.epoch + 1,
                                .first_step = run->progress.step,
                                .steps_per_epoch = run_epoch_steps(run)};
    for (size_t i = 0; i < t->count; i++) {
        shares->devices[i] = &t->members[i].dev->info;
        shares->images[i] = team_work(t, i, start.train_images, start.test_images).batch;
    }
    net->optimiser->describe(&h, start.optimizer, sizeof start.optimizer);
    snprintf(start.dataset, sizeof start.dataset, "%s", run->data.description);
    return start;
}

enum vggcl_err run_tell_opened(struct run *run) {
    const struct vggcl_observer *o = run->observer;
    struct net *net = NULL;
    struct shares shares;
    if (!o || !o->opened)
        return VGGCL_OK;
    TRY(network_create(&run->team.members[0].context, &run->config, &run->data.spec, run_batch_size(run), NULL, NULL,
                       NET_TRAINS, &net));
    struct vggcl_start start = describe(run, net, &shares);
    if (strcmp(run->config.device_split, "auto") == 0)
        start.images = NULL;
    o->opened(&start, o->payload);
    net_free(net);
    return VGGCL_OK;
}

void run_tell_started(struct run *run) {
    const struct vggcl_observer *o = run->observer;
    struct shares shares;
    if (!o || !o->started)
        return;
    struct vggcl_start start = describe(run, team_net(&run->team), &shares);
    start.plans = run->team.plans;
    start.checks = run->selfcheck.checks;
    start.check_seconds = run->selfcheck.seconds;
    snprintf(start.moved_to, sizeof start.moved_to, "%s", run->moved_to);
    o->started(&start, o->payload);
}

void run_notice(const struct run *run, const char *format, ...) {
    const struct vggcl_observer *o = run->observer;
    char text[2 * VGGCL_PATH_MAX + 64];
    va_list arguments;
    va_start(arguments, format);
    text_print_list(text, sizeof text, format, arguments);
    va_end(arguments);
    if (o && o->noticed)
        o->noticed(text, o->payload);
}

void run_name_device(char text[static 512], const char *name, const char *driver) {
    char named[512];
    snprintf(named, sizeof named, "%.320s (driver %.160s)", name, driver);
    text_utf8(text, 512, named);
}

bool run_is_over(const struct run *run, enum vggcl_end *end) {
    const struct vggcl_config *c = &run->config;
    const struct progress *p = &run->progress;
    if (p->epoch >= c->epochs)
        *end = VGGCL_END_EPOCHS;
    else if (c->patience && !p->epoch_step && p->best_epoch && p->epoch - p->best_epoch >= c->patience)
        *end = VGGCL_END_PATIENCE;
    else if (c->steps && p->step >= c->steps)
        *end = VGGCL_END_STEPS;
    else
        return false;
    return true;
}

double run_lower_lr(const struct run *run) {
    return run->config.lr > 1 ? 0.01 : run->config.lr / 10;
}

const char *run_remedy(const struct run *run, char text[static REMEDY]) {
    const char *save = run->config.save;
    double lr = run_lower_lr(run);
    if (run->config.storage == VGGCL_STORAGE_HALF)
        text_print(text, REMEDY,
                   "try storage float, or a smaller lr: go on with `vggcl train --resume %s --storage float` or "
                   "`vggcl train --resume %s --lr %g`",
                   save, save, lr);
    else
        text_print(text, REMEDY, "try a smaller lr: go on with `vggcl train --resume %s --lr %g`", save, lr);
    return text;
}
