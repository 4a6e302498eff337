#include "train/run.h"
#include "base/text.h"

#include <stdarg.h>

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
