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

const char *run_remedy(const struct run *run) {
    return run->config.storage == VGGCL_STORAGE_HALF ? "try storage float, or a smaller lr" : "try a smaller lr";
}
