#define _POSIX_C_SOURCE 200809L /* fileno */
#include "cli/progress.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/messages.h"
#include "cli/terminal.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const double live_interval = 0.1, plain_interval = 60, patience = 1; /* seconds */

static struct {
    FILE *stream; /* NULL: nothing is shown */
    char title[64];
    double begun;          /* clock_seconds() */
    char name[64];         /* of the phase that was shown last */
    double waiting, shown; /* clock_seconds(): since when there is nothing to see; of the last line */
    bool live;             /* there is a live line */
} now;

/* Whether lines on stderr would get into the result: "2>&1" to a file or pipe. */
static bool is_stdout(FILE *stream) {
    struct stat one, other;
    return stream != stdout && !isatty(fileno(stream)) && fstat(fileno(stream), &one) == 0 &&
           fstat(fileno(stdout), &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

void progress_watch(FILE *stream) {
    if (cli_is_quiet() || (stream && is_stdout(stream)))
        stream = NULL;
    now.stream = stream;
    now.waiting = clock_seconds();
    now.begun = now.begun ? now.begun : now.waiting;
    vggcl_watch_phases(progress_show, NULL);
}

void progress_title(const char *title) {
    snprintf(now.title, sizeof now.title, "%s", title);
}

/* Whether it is time for another line. */
static bool is_due(const struct vggcl_phase *phase, bool terminal) {
    double seconds = clock_seconds();
    bool same = strcmp(now.name, phase->name) == 0;
    if (terminal)
        return seconds - now.shown >= live_interval;
    return !*now.title && seconds - now.waiting >= patience && (!same || seconds - now.shown >= plain_interval);
}

/* Every item, and when it begins. */
static void log_phase(const struct vggcl_phase *phase) {
    fprintf(messages(), "[%7.2f s] %s", clock_seconds() - now.begun, phase->name);
    if (phase->count)
        fprintf(messages(), " %zu/%zu", phase->done, phase->count);
    fprintf(messages(), "%s%s%s%s\n", *phase->item ? ": " : "", phase->item, *phase->device ? " on " : "",
            phase->device);
}

void progress_show(const struct vggcl_phase *phase, void *payload) {
    char eta[32];
    (void)payload;
    messages_name_driver(phase->device);
    if (cli_is_verbose())
        log_phase(phase);
    if (cli_is_verbose() || !now.stream || !is_due(phase, terminal_size(now.stream).columns > 0))
        return;
    now.shown = clock_seconds();
    now.live = true;
    snprintf(now.name, sizeof now.name, "%s", phase->name);
    struct line line = line_begin(now.stream);
    if (*now.title)
        line_add(&line, "%s: ", now.title);
    line_add(&line, "%s", phase->name);
    if (phase->count)
        line_add(&line, " %zu/%zu", phase->done, phase->count);
    cli_duration(phase->eta, eta);
    if (phase->eta > 0)
        line_add(&line, "  ETA %s", eta);
    if (*phase->item)
        line_add(&line, "  %s", phase->item);
    if (*phase->device)
        line_add(&line, "  on %s", phase->device);
    line_show(&line);
}

void progress_hide(void) {
    if (now.live)
        line_erase(now.stream);
    now.live = false;
    now.waiting = clock_seconds();
}
