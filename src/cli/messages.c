#define _GNU_SOURCE /* memfd_create */
#include "cli/messages.h"
#include "cli/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME = 256, SHOWN = 2048, LARGE = 1 << 20 }; /* bytes: that are shown at most, that are kept at most */

static FILE *stream;
static int kept = -1, own = STDERR_FILENO;
static off_t seen; /* where what was not shown so far begins */
static char driver[NAME];
static int to_reporter = -1; /* a socket to another process, see report() */

FILE *messages(void) {
    return stream ? stream : stderr;
}

int messages_descriptor(void) {
    return own;
}

/* --------------------------------------------------------------------------------------- what drivers printed -- */

static void write_text(const char *text) {
    ssize_t written = write(own, text, strlen(text));
    (void)written;
}

/* Without the beginning of a line that is cut off, and without characters that control a terminal. */
static void write_lines(char *text, size_t count, bool cut) {
    for (size_t i = 0; i < count; i++)
        if ((unsigned char)text[i] < ' ' && text[i] != '\n' && text[i] != '\t')
            text[i] = '?';
    text[count] = '\0';
    for (char *line = cut ? strchr(text, '\n') : text, *end; line && *line; line = end) {
        line += *line == '\n';
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        if (*line) {
            write_text("  ");
            write_text(line);
            write_text("\n");
        }
    }
}

void messages_show_driver(void) {
    static char text[SHOWN + 1];
    struct stat status;
    int error = errno;
    if (kept < 0 || fstat(kept, &status) != 0 || status.st_size <= seen)
        return;
    bool cut = status.st_size - seen > SHOWN;
    off_t from = cut ? status.st_size - SHOWN : seen;
    ssize_t count = pread(kept, text, SHOWN, from);
    seen = status.st_size;
    if (count <= 0)
        return;
    write_text(*driver ? "vggcl: the driver of " : "vggcl: an OpenCL driver");
    write_text(driver);
    write_text(" printed (--verbose shows all):\n");
    write_lines(text, (size_t)count, cut);
    errno = error;
}

void messages_forget_driver(void) {
    struct stat status;
    if (kept >= 0 && fstat(kept, &status) == 0)
        seen = status.st_size;
}

static void tell_reporter(const char name[NAME]) {
    if (to_reporter >= 0 && send(to_reporter, name, NAME, MSG_NOSIGNAL) != NAME)
        to_reporter = -1;
}

void messages_leave_driver(void) {
    if (to_reporter >= 0)
        close(to_reporter);
    to_reporter = kept = -1;
}

void messages_name_driver(const char *device) {
    if (strncmp(device, driver, NAME - 1) == 0)
        return;
    memset(driver, 0, NAME);
    snprintf(driver, NAME, "%s", device);
    if (*driver)
        tell_reporter(driver);
}

void messages_limit_driver(void) {
    char text[SHOWN];
    struct stat status;
    if (kept < 0 || fstat(kept, &status) != 0 || status.st_size <= LARGE)
        return;
    ssize_t count = pread(kept, text, SHOWN, status.st_size - SHOWN);
    seen = 0;
    if (ftruncate(kept, 0) == 0 && count > 0 && write(kept, text, (size_t)count) < 0)
        return;
}

/* --------------------------------------------------------------------------------------------------- keeping it -- */

/* Shows what was kept when the other end is closed before messages_end() has said that it may be: a driver
 * crashed, aborted or exited. Handlers of signals would not do: LLVM, in the drivers, replaces them. */
static void report(int parent) {
    sigset_t all;
    prctl(PR_SET_NAME, "vggcl-messages");
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    char name[NAME] = "";
    ssize_t count;
    while ((count = read(parent, name, NAME)) == NAME && *name)
        memcpy(driver, name, NAME);
    if (count != NAME)
        messages_show_driver();
}

/* In a process of its own. */
static void start_reporter(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        report(ends[0]);
        _exit(EXIT_FINE);
    }
    close(ends[0]);
    if (pid > 0)
        to_reporter = ends[1];
    else
        close(ends[1]);
}

/* The reports of a sanitizer that the program was built with are its own messages. */
static void move_reports(void) {
    extern void __sanitizer_set_report_fd(void *descriptor) __attribute__((weak));
    const char *options = getenv("ASAN_OPTIONS");
    if (__sanitizer_set_report_fd && !(options && strstr(options, "log_path")))
        __sanitizer_set_report_fd((void *)(intptr_t)own);
}

void messages_keep_driver(void) {
    int duplicate = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10), file = memfd_create("driver", MFD_CLOEXEC);
    FILE *duplicate_stream = duplicate < 0 ? NULL : fdopen(duplicate, "w");
    if (file < 0 || !duplicate_stream || fcntl(file, F_SETFL, O_APPEND) != 0 || dup2(file, STDERR_FILENO) < 0) {
        if (duplicate_stream)
            fclose(duplicate_stream);
        else if (duplicate >= 0)
            close(duplicate);
        if (file >= 0)
            close(file);
        return; /* drivers print as they like */
    }
    setvbuf(duplicate_stream, NULL, _IONBF, 0);
    stream = duplicate_stream;
    own = duplicate;
    kept = file;
    move_reports();
    start_reporter();
}

void messages_end(int status) {
    static const char no_name[NAME];
    if (status == EXIT_FAILED || status == EXIT_STALLED || status == EXIT_MISSING || status == EXIT_UNDONE)
        messages_show_driver();
    tell_reporter(no_name);
}
