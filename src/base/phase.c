#include "base/phase.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local struct {
    vggcl_phase_callback *callback;
    void *payload;
    struct vggcl_phase now;
    char device[256], item[256], interruption[64];
    double begun;
} thread;

static void tell(void) {
    if (thread.callback)
        thread.callback(&thread.now, thread.payload);
}

void vggcl_watch_phases(vggcl_phase_callback *callback, void *payload) {
    thread.callback = callback;
    thread.payload = payload;
}

void phase_begin(const char *device, const char *name, size_t count) {
    snprintf(thread.device, sizeof thread.device, "%s", device);
    thread.begun = clock_seconds();
    thread.item[0] = '\0';
    thread.now = (struct vggcl_phase){.device = thread.device, .name = name, .count = count, .item = thread.item};
    tell();
}

static void begin_item(size_t done, double eta, const char *format, va_list arguments) {
    text_print_list(thread.item, sizeof thread.item, format, arguments);
    thread.now.done = done;
    thread.now.eta = eta;
    thread.now.item = thread.item;
    tell();
}

void phase_item(size_t done, const char *format, ...) {
    va_list arguments;
    size_t left = done < thread.now.count ? thread.now.count - done : 0;
    double eta = done ? (clock_seconds() - thread.begun) / (double)done * (double)left : 0;
    va_start(arguments, format);
    begin_item(done, eta, format, arguments);
    va_end(arguments);
}

void phase_item_eta(size_t done, double eta, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    begin_item(done, eta, format, arguments);
    va_end(arguments);
}

void phase_interrupt(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_print_list(thread.interruption, sizeof thread.interruption, format, arguments);
    va_end(arguments);
    if (!thread.now.name)
        return;
    thread.now.item = thread.interruption;
    tell();
}

void phase_resume(void) {
    thread.now.item = thread.item;
}
