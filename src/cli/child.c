#define _GNU_SOURCE /* prctl */
#include "cli/child.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/signals.h"

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

/* Runs in the child, which ends with its parent. It calls exit(), so that the drivers' exit handlers are tested too. */
static void answer(json_t *(*work)(const void *job), const void *job, int pipe_end) {
    signals_reset();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    json_t *json = work(job);
    char *text = json_print(json, 0);
    FILE *stream = fdopen(pipe_end, "w");
    bool wrote = text && stream && fputs(text, stream) >= 0;
    wrote = stream && fclose(stream) == 0 && wrote;
    free(text);
    json_decref(json);
    exit(wrote ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Reads until the other end is closed, the deadline passes or a signal asks to stop. */
static void read_all(int pipe_end, double deadline, FILE *text) {
    enum { MOMENT = 200 }; /* milliseconds */
    char bytes[4096];
    while (clock_seconds() < deadline && !signals_stop(NULL)) {
        struct pollfd readable = {.fd = pipe_end, .events = POLLIN};
        if (poll(&readable, 1, MOMENT) <= 0)
            continue;
        ssize_t count = read(pipe_end, bytes, sizeof bytes);
        if (count <= 0)
            return;
        fwrite(bytes, 1, (size_t)count, text);
    }
}

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

/* Copies the child's answer to text until it exits; false, with a reason, if it failed. */
static bool hear(pid_t pid, int pipe_end, double timeout, FILE *text, char reason[CHILD_REASON]) {
    double deadline = clock_seconds() + timeout;
    int status = 0;
    if (text)
        read_all(pipe_end, deadline, text);
    bool ended = wait_for(pid, deadline, &status);
    if (signals_stop(NULL))
        snprintf(reason, CHILD_REASON, "interrupted");
    else if (!ended)
        snprintf(reason, CHILD_REASON, "hangs: not done within %g s, and killed (--timeout)", timeout);
    else if (WIFSIGNALED(status))
        describe_signal(WTERMSIG(status), reason);
    else if (WEXITSTATUS(status) != EXIT_SUCCESS)
        snprintf(reason, CHILD_REASON, "ended with exit status %d", WEXITSTATUS(status));
    else
        return true;
    return false;
}

static json_t *hear_json(pid_t pid, int pipe_end, double timeout, char reason[CHILD_REASON]) {
    json_t *json = NULL;
    char *bytes = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&bytes, &size);
    bool ended = hear(pid, pipe_end, timeout, text, reason), spoke = text && fclose(text) == 0;
    if (ended && !(spoke && json_read(bytes, size, "the answer", &json) == VGGCL_OK))
        snprintf(reason, CHILD_REASON, "ended without an answer");
    free(bytes);
    return json;
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

json_t *child_run(json_t *(*work)(const void *job), const void *job, double timeout, char reason[CHILD_REASON]) {
    json_t *json = NULL;
    int ends[2];
    if (!open_pipe(ends, reason))
        return NULL;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        answer(work, job, ends[1]);
    }
    close(ends[1]);
    if (pid < 0)
        snprintf(reason, CHILD_REASON, "no process: %s", strerror(errno));
    else
        json = hear_json(pid, ends[0], timeout, reason);
    close(ends[0]);
    return json;
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
    int ends[2];
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
        } else if (hear(pid, ends[0], INFINITY, output, reason))
            end = CHILD_FINE;
        else
            quote_last_line(errors, reason);
        close(ends[0]);
    }
    fclose(errors);
    return end;
}
