#define _GNU_SOURCE
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

char output[1 << 20], folder[64];

int vggcl(const char *format, ...) {
    char words[4096], line[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "cd %s && %s %s 2>&1", folder, VGGCL_PROGRAM, words);
    FILE *stream = popen(line, "r");
    if (!stream)
        return -1;
    output[fread(output, 1, sizeof output - 1, stream)] = '\0';
    if (strstr(output, "Sanitizer")) /* a report, which no test looks for */
        fputs(output, stderr);
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
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
