#define _POSIX_C_SOURCE 200809L /* nanosleep, pthread_sigmask */
#include "cli/watchdog.h"
#include "base/text.h"
#include "cli/signals.h"
#include "cli/messages.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int limit; /* seconds */

/* stdio may be locked by the thread that hangs. */
static void give_up(struct vggcl_activity *a, int seconds) {
    char text[VGGCL_PATH_MAX + 1024];
    const char *kept = signals_kept();
    text_make_printable(a->device, "");
    int length =
        a->rank ? snprintf(text, sizeof text,
                           "\nvggcl: error: %s has not answered for %d s: its machine or the network is slow, or cut "
                           "off%s%s; wait longer with --stall SECONDS (0: for ever)\n",
                           a->device, seconds, *kept ? "; " : "", kept)
                : snprintf(text, sizeof text,
                           "\nvggcl: error: the OpenCL driver hangs: %s%s%s has not returned for %d s%s%s; wait longer "
                           "with --stall SECONDS (0: for ever), or take another device or driver (vggcl devices)\n",
                           a->call, *a->device ? " on " : "", a->device, seconds, *kept ? "; " : "", kept);
    messages_end(EXIT_STALLED);
    bool terminal = isatty(messages_descriptor());
    ssize_t written = write(messages_descriptor(), text + !terminal, (size_t)length - !terminal);
    (void)written;
    _exit(EXIT_STALLED);
}

/* Counts its own sleeps: a clock would count the time in which the process is stopped. */
static void *watch(void *payload) {
    const struct timespec second = {.tv_sec = 1};
    struct vggcl_activity now;
    uint64_t calls = 0;
    for (int seconds = 0;; seconds++) {
        vggcl_activity(&now);
        if (!*now.call || now.calls != calls)
            seconds = 0;
        else if (limit > 0 && seconds >= limit * (now.compiles ? WATCHDOG_COMPILING : 1))
            give_up(&now, seconds);
        calls = now.calls;
        messages_limit_driver();
        nanosleep(&second, NULL);
    }
    return payload;
}

void watchdog_start(int seconds) {
    pthread_t thread;
    sigset_t all, before;
    limit = seconds;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are handled by the other threads */
    if (pthread_create(&thread, NULL, watch, NULL) == 0)
        pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
