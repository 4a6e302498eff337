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

const char *run_remedy(const struct run *run) {
    return run->config.storage == VGGCL_STORAGE_HALF ? "try storage float, or a smaller lr" : "try a smaller lr";
}
