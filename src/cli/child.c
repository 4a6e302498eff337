#define _GNU_SOURCE /* prctl */
#include "cli/child.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/messages.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------ in the child -- */

/* What the child writes to the pipe: lines of JSON, each with its kind as first character. */
enum { MESSAGE = '+', ANSWER = '=' };

static FILE *to_parent;

/* Takes json over; false if it could not be written. */
static bool write_line(char kind, json_t *json) {
    char *text = json_print(json, 0);
    bool wrote = text && fprintf(to_parent, "%c%s\n", kind, text) >= 0 && fflush(to_parent) == 0;
    free(text);
    json_decref(json);
    return wrote;
}

void child_say(json_t *message) {
    write_line(MESSAGE, message);
}

static void say_phase(const struct vggcl_phase *p, void *payload) {
    (void)payload;
    child_say(JSON_MAKE({"phase", json_make_text(p->name)}, {"device", json_make_text(p->device)},
                        {"done", json_integer((json_int_t)p->done)}, {"count", json_integer((json_int_t)p->count)},
                        {"eta", json_make_number(p->eta)}, {"item", json_make_text(p->item)}));
}

json_t *child_failure(enum vggcl_err err) {
    return JSON_MAKE({"error", json_make_text(vggcl_error())}, {"err", json_integer(err)});
}

enum vggcl_err child_err(const json_t *answer) {
    return (enum vggcl_err)json_integer_value(json_object_get(answer, "err"));
}

/* Runs in the child, which ends with its parent. It calls exit(), so that the drivers' exit handlers are tested too. */
static void do_work(const struct child *child, int pipe_end) {
    signals_reset();
    messages_leave_driver();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    to_parent = fdopen(pipe_end, "w");
    vggcl_watch_phases(to_parent ? say_phase : NULL, NULL);
    bool wrote = to_parent && write_line(ANSWER, child->work(child->job));
    if (to_parent)
        fclose(to_parent);
    exit(wrote ? EXIT_SUCCESS : EXIT_UNDONE);
}

/* ------------------------------------------------------------------------------------------------- what it says -- */

/* Where the bytes from a pipe go to. */
struct sink {
    void (*take)(const char *bytes, size_t count, void *payload);
    void *payload;
};

static void take_for_file(const char *bytes, size_t count, void *payload) {
    fwrite(bytes, 1, count, payload);
}

/* The lines of a child: the one that is not complete yet, and the answer, if it was read. */
struct lines {
    const struct child *child;
    FILE *stream;
    char *bytes;
    size_t size;
    json_t *answer;
};

static void show_phase(const json_t *m) {
    progress_show(&(struct vggcl_phase){.name = json_text_of(m, "phase"),
                                        .device = json_text_of(m, "device"),
                                        .done = (size_t)json_number_of(m, "done"),
                                        .count = (size_t)json_number_of(m, "count"),
                                        .eta = json_number_of(m, "eta"),
                                        .item = json_text_of(m, "item")},
                  NULL);
}

static void end_line(struct lines *l) {
    json_t *json = NULL;
    if (fclose(l->stream) == 0 && l->size > 1 && json_read(l->bytes + 1, l->size - 1, "a child", &json) == VGGCL_OK) {
        if (*l->bytes == ANSWER)
            l->answer = json_incref(json);
        else if (json_object_get(json, "phase"))
            show_phase(json);
        else if (l->child->heard)
            l->child->heard(json, l->child->payload);
        json_decref(json);
    }
    free(l->bytes);
    l->bytes = NULL;
    l->stream = NULL;
}

static void take_lines(const char *bytes, size_t count, void *payload) {
    struct lines *l = payload;
    for (size_t i = 0; i < count; i++) {
        if (!l->stream && !(l->stream = open_memstream(&l->bytes, &l->size)))
            return;
        if (bytes[i] == '\n')
            end_line(l);
        else
            fputc(bytes[i], l->stream);
    }
}

/* Reads until the other end is closed, the deadline passes or a signal asks to stop. */
static void read_all(int pipe_end, double deadline, struct sink sink) {
    enum { MOMENT = 200 }; /* milliseconds */
    char bytes[4096];
    while (clock_seconds() < deadline && !signals_stop(NULL)) {
        struct pollfd readable = {.fd = pipe_end, .events = POLLIN};
        if (poll(&readable, 1, MOMENT) <= 0)
            continue;
        ssize_t count = read(pipe_end, bytes, sizeof bytes);
        if (count <= 0)
            return;
        sink.take(bytes, (size_t)count, sink.payload);
    }
}

/* ------------------------------------------------------------------------------------------------- how it ended -- */

/* Waits for the child; false if it was killed because it ran past the deadline or a signal asks to stop. */
static bool wait_for(pid_t pid, double deadline, int *status) {
    const struct timespec moment = {.tv_nsec = 2000000};
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (clock_seconds() > deadline || signals_stop(NULL)) {
            kill(pid, SIGKILL);
            waitpid(pid, status, 0);
            return false;
        }
        nanosleep(&moment, NULL);
    }
    return true;
}

static void describe_signal(int number, char reason[CHILD_REASON]) {
    static const struct {
        int number;
        const char *name;
    } known[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},  {SIGFPE, "SIGFPE"},
                 {SIGILL, "SIGILL"},   {SIGKILL, "SIGKILL"}, {SIGTERM, "SIGTERM"}};
    const char *name = "a signal";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].number == number)
            name = known[i].name;
    snprintf(reason, CHILD_REASON, "killed by %s (%s)", name, strsignal(number));
}

enum { LEAVING = 60 }; /* seconds that a child's exit handlers may take */

/* Gives the child's output to sink until it exits; reason says how, unless CHILD_FINE. CHILD_FAILED if its exit status
 * is not 0. */
static enum child_end hear(pid_t pid, int pipe_end, double timeout, struct sink sink, int *exit_status,
                           char reason[CHILD_REASON]) {
    double deadline = clock_seconds() + timeout;
    int status = 0;
    read_all(pipe_end, deadline, sink);
    bool ended = wait_for(pid, fmin(deadline, clock_seconds() + LEAVING), &status);
    if (signals_stop(NULL)) {
        snprintf(reason, CHILD_REASON, "interrupted");
        return CHILD_INTERRUPTED;
    }
    if (!ended) {
        if (clock_seconds() > deadline)
            snprintf(reason, CHILD_REASON, "hangs: not done within %g s, and killed (--timeout)", timeout);
        else
            snprintf(reason, CHILD_REASON, "hangs: did not exit within %d s when it was done, and killed", LEAVING);
        return CHILD_HUNG;
    }
    if (WIFSIGNALED(status)) {
        describe_signal(WTERMSIG(status), reason);
        return CHILD_CRASHED;
    }
    *exit_status = WEXITSTATUS(status);
    snprintf(reason, CHILD_REASON, "ended with exit status %d", *exit_status);
    return *exit_status == EXIT_SUCCESS ? CHILD_FINE : CHILD_FAILED;
}

/* As hear(), of a child of this program, whose exit status means more. */
static enum child_end hear_answer(const struct child *child, pid_t pid, int pipe_end, json_t **answer,
                                  char reason[CHILD_REASON]) {
    struct lines lines = {.child = child};
    int status = EXIT_SUCCESS;
    enum child_end end = hear(pid, pipe_end, child->timeout, (struct sink){take_lines, &lines}, &status, reason);
    if (lines.stream)
        end_line(&lines);
    if (end == CHILD_FINE && lines.answer) {
        *answer = lines.answer;
        return end;
    }
    json_decref(lines.answer);
    if (end == CHILD_FINE)
        snprintf(reason, CHILD_REASON, "ended without an answer");
    else if (end != CHILD_FAILED)
        return end;
    if (status == EXIT_UNDONE)
        snprintf(reason, CHILD_REASON, "out of memory for its answer");
    else if (status == EXIT_STALLED)
        *reason = '\0';
    return status == EXIT_UNDONE ? CHILD_FAILED : status == EXIT_STALLED ? CHILD_HUNG : CHILD_CRASHED;
}

enum verdict child_verdict(enum child_end end, const json_t *answer) {
    static const enum verdict verdicts[] = {
        [CHILD_CRASHED] = VERDICT_CRASHED, [CHILD_HUNG] = VERDICT_HUNG,      [CHILD_INTERRUPTED] = VERDICT_INTERRUPTED,
        [CHILD_FAILED] = VERDICT_FAILED,   [CHILD_MISSING] = VERDICT_FAILED,
    };
    return end == CHILD_FINE ? verdict_of(child_err(answer)) : verdicts[end];
}

/* Opens a pipe from a child; close-on-exec, so that programs that the child starts, such as drivers' compilers, do not
 * keep it open. */
static bool open_pipe(int ends[2], char reason[CHILD_REASON]) {
    if (pipe(ends) != 0) {
        snprintf(reason, CHILD_REASON, "no pipe to a process: %s", strerror(errno));
        return false;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

enum child_end child_run(const struct child *child, json_t **answer, char reason[CHILD_REASON]) {
    int ends[2];
    enum child_end end = CHILD_FAILED;
    *answer = NULL;
    if (!open_pipe(ends, reason))
        return end;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        do_work(child, ends[1]);
    }
    close(ends[1]);
    if (pid < 0)
        snprintf(reason, CHILD_REASON, "no process: %s", strerror(errno));
    else
        end = hear_answer(child, pid, ends[0], answer, reason);
    close(ends[0]);
    return end;
}

/* Appends the last line that a program wrote to stderr. */
static void quote_last_line(FILE *errors, char reason[CHILD_REASON]) {
    char line[CHILD_REASON / 2], last[CHILD_REASON / 2] = "";
    size_t used = strlen(reason);
    rewind(errors);
    while (fgets(line, sizeof line, errors)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[strspn(line, " \t")])
            strcpy(last, line + strspn(line, " \t"));
    }
    text_make_printable(last, "");
    if (*last)
        snprintf(reason + used, CHILD_REASON - used, ": %s", last);
}

/* Starts the program with the given stdin, stdout and stderr; returns 0, or errno. */
static int start(pid_t *pid, char *const *argv, int input, int output, int errors) {
    extern char **environ;
    posix_spawn_file_actions_t streams;
    int failed = posix_spawn_file_actions_init(&streams);
    if (failed)
        return failed;
    failed = posix_spawn_file_actions_adddup2(&streams, input, STDIN_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&streams, output, STDOUT_FILENO);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(&streams, errors, STDERR_FILENO);
    if (!failed)
        failed = posix_spawnp(pid, argv[0], &streams, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&streams);
    return failed;
}

enum child_end child_program(char *const *argv, FILE *input, FILE *output, char reason[CHILD_REASON]) {
    int ends[2], status;
    pid_t pid;
    FILE *errors = tmpfile();
    enum child_end end = CHILD_FAILED;
    if (!errors) {
        snprintf(reason, CHILD_REASON, "no temporary file: %s", strerror(errno));
        return end;
    }
    if (open_pipe(ends, reason)) {
        int failed = start(&pid, argv, fileno(input), ends[1], fileno(errors));
        close(ends[1]);
        if (failed) {
            snprintf(reason, CHILD_REASON, "cannot be started: %s", strerror(failed));
            end = failed == ENOENT ? CHILD_MISSING : CHILD_FAILED;
        } else {
            end = hear(pid, ends[0], INFINITY, (struct sink){take_for_file, output}, &status, reason);
            if (end != CHILD_FINE)
                quote_last_line(errors, reason);
        }
        close(ends[0]);
    }
    fclose(errors);
    return end;
}
