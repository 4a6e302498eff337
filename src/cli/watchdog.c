#define _POSIX_C_SOURCE 200809L /* fork, kill, nanosleep, pthread_sigmask, setsid */
#include "cli/watchdog.h"
#include "base/text.h"
#include "cli/signals.h"
#include "cli/messages.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int limit; /* seconds */

/* True if the process is one of Open MPI that starts processes. Async-signal-safe. */
static bool is_launcher(const char *comm) {
    static const char *const names[] = {"mpirun\n", "mpiexec\n", "orterun\n", "orted\n", "prterun\n", "prted\n"};
    char name[32] = "";
    int file = open(comm, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, name, sizeof name - 1) < 0)
        return false;
    close(file);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* If another rank does not answer: ends Open MPI's mpirun, or its daemon, that started this process some seconds after
 * this process has ended, if it is still there then. It would wait for the machine that does not answer, and Open MPI 4
 * does not end by SIGTERM either. A child process does this, because mpirun first takes this process's exit status; it
 * closes the pipes to mpirun, which else waits for the end of the output. */
static void end_launcher(void) {
    enum { PATIENCE_SECONDS = 4, MOST_DESCRIPTORS = 1024 };
    const pid_t launcher = getppid();
    char comm[64];
    snprintf(comm, sizeof comm, "/proc/%ld/comm", (long)launcher);
    if (!getenv("OMPI_COMM_WORLD_RANK") || fork() != 0)
        return;
    setsid();
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        close(i);
    sleep(PATIENCE_SECONDS);
    if (is_launcher(comm))
        kill(launcher, SIGKILL);
    _exit(EXIT_STALLED);
}

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
    if (a->rank)
        end_launcher();
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
