#define _POSIX_C_SOURCE 200809L
#include "cli/child.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The child's part. It ends as programs do, so that what drivers do at exit is put to the test too. */
static void answer(json_t *(*work)(const void *job), const void *job, int pipe_end) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    json_t *json = work(job);
    bool wrote = json && json_dumpfd(json, pipe_end, 0) == 0;
    json_decref(json);
    close(pipe_end);
    exit(wrote ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Reads until the other end is closed or the deadline has passed. */
static void read_all(int pipe_end, double deadline, FILE *text) {
    enum { LONGEST = 1000 }; /* seconds a poll */
    char bytes[4096];
    for (double left; (left = deadline - clock_seconds()) > 0;) {
        struct pollfd readable = {.fd = pipe_end, .events = POLLIN};
        if (poll(&readable, 1, (int)(1e3 * (left < LONGEST ? left : LONGEST)) + 1) <= 0)
            continue;
        ssize_t count = read(pipe_end, bytes, sizeof bytes);
        if (count <= 0)
            return;
        fwrite(bytes, 1, (size_t)count, text);
    }
}

/* Waits for the child's end; false where that would take until after the deadline, and the child was killed. */
static bool wait_for(pid_t pid, double deadline, int *status) {
    const struct timespec moment = {.tv_nsec = 2000000};
    while (waitpid(pid, status, WNOHANG) == 0) {
        if (clock_seconds() > deadline) {
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

/* What the child said, where it ended well. */
static json_t *hear(pid_t pid, int pipe_end, double timeout, char reason[CHILD_REASON]) {
    double deadline = clock_seconds() + timeout;
    json_t *json = NULL;
    char *bytes = NULL;
    size_t size = 0;
    int status = 0;
    FILE *text = open_memstream(&bytes, &size);
    if (text)
        read_all(pipe_end, deadline, text);
    bool spoke = text && fclose(text) == 0;
    if (!wait_for(pid, deadline, &status))
        snprintf(reason, CHILD_REASON, "hangs: not done within %g s, and killed (--timeout)", timeout);
    else if (WIFSIGNALED(status))
        describe_signal(WTERMSIG(status), reason);
    else if (WEXITSTATUS(status) != EXIT_SUCCESS)
        snprintf(reason, CHILD_REASON, "ended with exit status %d", WEXITSTATUS(status));
    else if (!spoke || !(json = json_loadb(bytes, size, 0, NULL)))
        snprintf(reason, CHILD_REASON, "ended without an answer");
    free(bytes);
    return json;
}

json_t *child_run(json_t *(*work)(const void *job), const void *job, double timeout, char reason[CHILD_REASON]) {
    json_t *json = NULL;
    int ends[2];
    if (pipe(ends) != 0) {
        snprintf(reason, CHILD_REASON, "no pipe to a process: %s", strerror(errno));
        return NULL;
    }
    /* Programs that drivers start, such as compilers, are not to hold the pipe open. */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
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
        json = hear(pid, ends[0], timeout, reason);
    close(ends[0]);
    return json;
}
