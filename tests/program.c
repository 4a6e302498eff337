#define _GNU_SOURCE
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLEAR "\033[K" /* the line, before a live line is drawn anew */

enum { WORDS = 4096, COMMAND = 2 * WORDS };

char output[1 << 20], folder[64];
const char *resizing_line = "";

static void make_command(char command[COMMAND], const char *format, va_list arguments) {
    char words[WORDS];
    vsnprintf(words, sizeof words, format, arguments);
    snprintf(command, COMMAND, "cd %s && %s %s 2>&1", folder, VGGCL_PROGRAM, words);
}

/* Ends the output; gives the exit status. */
static int finish(size_t length, int status) {
    output[length] = '\0';
    if (strstr(output, "Sanitizer")) /* a report, which no test looks for */
        fputs(output, stderr);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int vggcl(const char *format, ...) {
    char command[COMMAND];
    va_list arguments;
    va_start(arguments, format);
    make_command(command, format, arguments);
    va_end(arguments);
    FILE *stream = popen(command, "r");
    if (!stream)
        return -1;
    size_t length = fread(output, 1, sizeof output - 1, stream);
    return finish(length, pclose(stream));
}

/* Reads all output of a terminal, which gets other columns once there is a live line that begins as resizing_line. */
static size_t read_terminal(int terminal, int later) {
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)later};
    bool live = false;
    size_t length = 0;
    char line[64];
    snprintf(line, sizeof line, CLEAR "%s", resizing_line);
    for (ssize_t count; (count = read(terminal, output + length, sizeof output - 1 - length)) > 0;) {
        length += (size_t)count;
        output[length] = '\0';
        if (!live && (live = strstr(output, line)))
            ioctl(terminal, TIOCSWINSZ, &size);
    }
    return length;
}

int vggcl_on_terminal(int columns, int later, const char *format, ...) {
    char command[COMMAND];
    struct winsize size = {.ws_row = 24, .ws_col = (unsigned short)columns};
    int terminal, status;
    va_list arguments;
    va_start(arguments, format);
    make_command(command, format, arguments);
    va_end(arguments);
    pid_t pid = forkpty(&terminal, NULL, NULL, &size);
    if (pid < 0) {
        print_message("no pseudo-terminal can be opened (is /dev/pts mounted?): skipped\n");
        skip();
    }
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    size_t length = read_terminal(terminal, later);
    close(terminal);
    waitpid(pid, &status, 0);
    return finish(length, status);
}

size_t widest_line(const char *text, const char *start) {
    size_t widest = 0;
    for (text += strspn(text, "\r\n"); *text; text += strspn(text, "\r\n")) {
        if (strncmp(text, CLEAR, strlen(CLEAR)) == 0)
            text += strlen(CLEAR);
        size_t columns = strcspn(text, "\r\n");
        if (columns > widest && strncmp(text, start, strlen(start)) == 0)
            widest = columns;
        text += columns;
    }
    return widest;
}

const char *weights_hash(void) {
    static char hash[17];
    const char *line = strstr(output, "\nweights  ");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "\nweights %16s", hash), 1);
    return hash;
}

int make_folder(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/vggcl-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

int remove_folder(void **state) {
    (void)state;
    char line[128];
    snprintf(line, sizeof line, "rm -rf %s", folder);
    return system(line);
}

static char *cache_before;

int make_folder_and_profiles(void **state) {
    char caches[128], line[512];
    const char *old = getenv("VGGCL_CACHE_DIR");
    cache_before = old ? strdup(old) : NULL;
    if (make_folder(state) != 0)
        return -1;
    snprintf(caches, sizeof caches, "%s/caches", folder);
    snprintf(line, sizeof line, "mkdir -p %s %s/programs && ln -s %s/programs %s/programs", caches, old ? old : "",
             old ? old : "", caches);
    if (old && *old && system(line) != 0)
        return -1;
    return setenv("VGGCL_CACHE_DIR", caches, 1);
}

int remove_folder_and_profiles(void **state) {
    if (cache_before)
        setenv("VGGCL_CACHE_DIR", cache_before, 1);
    else
        unsetenv("VGGCL_CACHE_DIR");
    free(cache_before);
    return remove_folder(state);
}

void break_kernel(const char *file, const char *command) {
    char line[1024];
    snprintf(line, sizeof line,
             "rm -rf %s/kernels && cp -r %s/cl %s/kernels && sed -i '%s' %s/kernels/%s && ! cmp -s %s/kernels/%s "
             "%s/cl/%s",
             folder, VGGCL_SOURCE_DIR, folder, command, folder, file, folder, file, VGGCL_SOURCE_DIR, file);
    assert_int_equal(system(line), 0);
}
