#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "cli/signals.h"
#include "cli/messages.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = VGGCL_PATH_MAX + 256, SAME_MS = 1000 };

/* A text that a signal handler may read while it is replaced. */
struct text {
    char versions[2][TEXT];
    _Atomic(const char *) now;
};
static struct text promised, kept;

static atomic_llong first_ms; /* when the first signal to end came; 0 for never */
static atomic_bool save_wanted;
static atomic_int final_status = EXIT_UNSAVED;

static void end(int number);
static void want_save(int number);
static void note_nothing(int number);

static struct {
    int number;
    const char *name;
    void (*handler)(int number);
    bool caught;
    struct sigaction start; /* ignored, as by nohup, or not */
} signals[] = {{.number = SIGINT, .name = "SIGINT", .handler = end},
               {.number = SIGTERM, .name = "SIGTERM", .handler = end},
               {.number = SIGHUP, .name = "SIGHUP", .handler = end},
               {.number = SIGUSR1, .name = "SIGUSR1", .handler = want_save},
               {.number = SIGPIPE, .name = "SIGPIPE", .handler = note_nothing}};
enum { SIGNALS = sizeof signals / sizeof *signals };

/* Before the constructors of libraries. */
static bool looked;
static void look_at_start(void) {
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i].number, NULL, &signals[i].start);
    looked = true;
}
#ifdef __ELF__
__attribute__((section(".preinit_array"), used)) static void (*const look_first)(void) = look_at_start;
#endif

void signals_begin(void) {
    for (size_t i = 0; looked && i < SIGNALS; i++)
        sigaction(signals[i].number, &signals[i].start, NULL);
}

static void set(struct text *t, const char *format, va_list arguments) {
    const char *now = atomic_load(&t->now);
    char *next = t->versions[now == t->versions[0]];
    vsnprintf(next, TEXT, format, arguments);
    atomic_store(&t->now, next);
}

static const char *get(struct text *t) {
    const char *now = atomic_load(&t->now);
    return now ? now : "";
}

void signals_promise(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set(&promised, format, arguments);
    va_end(arguments);
}

void signals_keep(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    set(&kept, format, arguments);
    va_end(arguments);
}

const char *signals_kept(void) {
    return get(&kept);
}

/* --------------------------------------------------------------------- the handler: async-signal-safe calls only -- */

static const char *name_of(int number) {
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i].number == number)
            return signals[i].name;
    return "a signal";
}

/* Appends to a line of TEXT + 128 bytes, of which `used` are used; returns how many are now. */
static size_t append(char *line, size_t used, const char *text) {
    size_t length = strlen(text), room = TEXT + 128 - used;
    length = length < room ? length : room;
    memcpy(line + used, text, length);
    return used + length;
}

/* Writes one line; on a terminal below the live line. */
static void say(int number, const char *what, const char *more) {
    char line[TEXT + 128];
    const char *parts[] = {isatty(messages_descriptor()) ? "\n" : "", "vggcl: ", name_of(number), what, more, "\n"};
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        used = append(line, used, parts[i]);
    ssize_t written = write(messages_descriptor(), line, used);
    (void)written;
}

static long long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + 1;
}

static void end(int number) {
    int error = errno;
    long long now = milliseconds(), first = 0;
    if (atomic_compare_exchange_strong(&first_ms, &first, now)) {
        say(number, ": ", get(&promised));
    } else if (now - first >= SAME_MS) {
        int status = atomic_load(&final_status);
        say(number, status == EXIT_UNSAVED ? " again: stopped without saving; " : " again: ended; ", get(&kept));
        messages_end(status);
        _exit(status);
    }
    errno = error;
}

static void want_save(int number) {
    int error = errno;
    atomic_store(&save_wanted, true);
    say(number, ": saving after this step", "");
    errno = error;
}

static void note_nothing(int number) {
    (void)number;
}

/* ------------------------------------------------------------------------------------------------- the interface -- */

static void handle(int number, void (*handler)(int number)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(number, &action, NULL);
}

/* Drivers that are built on LLVM install handlers of their own when they compile: that of SIGUSR1 does nothing. */
static void take_back(void) {
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i].caught)
            handle(signals[i].number, signals[i].handler);
}

void signals_catch(bool saves) {
    for (size_t i = 0; i < SIGNALS; i++) {
        struct sigaction old;
        signals[i].caught = sigaction(signals[i].number, NULL, &old) == 0 && old.sa_handler != SIG_IGN &&
                            (saves || signals[i].number != SIGUSR1);
    }
    take_back();
}

void signals_finish(int status) {
    atomic_store(&final_status, status);
}

bool signals_stop(void *payload) {
    (void)payload;
    take_back();
    return atomic_load(&first_ms) != 0;
}

bool signals_save(void *payload) {
    (void)payload;
    return atomic_exchange(&save_wanted, false);
}

void signals_reset(void) {
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i].caught)
            handle(signals[i].number, SIG_DFL);
        signals[i].caught = false;
    }
}
