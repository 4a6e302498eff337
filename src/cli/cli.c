#define _POSIX_C_SOURCE 200809L /* nanosleep, strdup */
#include "cli/cli.h"
#include "base/text.h"
#include "cli/verdict.h"
#include "cli/messages.h"
#include "ranks/ranks.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool gate, quiet, verbose;

const struct flag cli_common_flags[] = {
    {"quiet", NULL, "print only the result, warnings and errors", NULL, &quiet},
    {"verbose", NULL, "print what the OpenCL driver prints, and when which part of the start begins", NULL, &verbose},
    {0}};

bool cli_is_quiet(void) {
    return quiet;
}

bool cli_is_verbose(void) {
    return verbose;
}

void cli_be_gate(void) {
    gate = true;
}

void cli_warn(const char *warnings) {
    for (size_t length; warnings && *warnings; warnings += length + 1) {
        length = strcspn(warnings, "\n");
        fprintf(messages(), "vggcl: %.*s\n", (int)length, warnings);
    }
}

/* Processes that mpirun or srun starts usually have the same wrong command line: Open MPI's ends the others as soon
 * as rank 0 has said so and ended. */
static void let_first_speak(void) {
    if (ranks_launched().rank > 0)
        nanosleep(&(struct timespec){.tv_sec = 3}, NULL);
}

static void begin_error(void) {
    let_first_speak();
    fflush(stdout);
    fputs("vggcl: error: ", messages());
}

int cli_failed(enum vggcl_err err) {
    begin_error();
    fprintf(messages(), "%s\n", vggcl_error());
    return cli_status(err);
}

int cli_status(enum vggcl_err err) {
    if (gate)
        return verdict_status(verdict_of(err));
    switch (err) {
    case VGGCL_EUSAGE:
        return EXIT_USAGE;
    case VGGCL_ENUMERIC:
        return EXIT_NOT_FINITE;
    case VGGCL_EDEVICE:
        return EXIT_MISSING;
    default:
        return EXIT_FAILED;
    }
}

static void print_error(const char *format, va_list arguments) {
    begin_error();
    vfprintf(messages(), format, arguments);
    fputc('\n', messages());
}

int cli_misused(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_error(format, arguments);
    va_end(arguments);
    return EXIT_USAGE;
}

static bool complained;

void cli_complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    print_error(format, arguments);
    va_end(arguments);
    complained = true;
}

void cli_check_loss(const struct vggcl_evaluation *e, const char *weights) {
    if (!isfinite(e->loss))
        cli_complain("%s: the loss on the test images is not a finite number; use the weights of an earlier checkpoint",
                     weights);
}

int cli_set_missing(const char *text) {
    long status;
    if (!text)
        return EXIT_FINE;
    if (!cli_parse_count(text, 0, 125, &status))
        return cli_misused("--missing-status takes a whole number from 0 to 125, not '%s'", text);
    verdict_set_missing((int)status);
    return EXIT_FINE;
}

int cli_no_memory(void) {
    fputs("vggcl: error: out of memory\n", messages());
    return gate ? EXIT_UNDONE : EXIT_FAILED;
}

int cli_end(int status) {
    if (complained && status == EXIT_FINE)
        status = gate ? EXIT_UNSAVED : EXIT_FAILED;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(messages(), "vggcl: error: standard output: %s\n", strerror(errno));
    return !gate ? EXIT_FAILED : status == EXIT_FINE ? EXIT_UNSAVED : status;
}

/* Bytes of the first `most` characters of text, at most; *count: how many characters these are. */
static int bytes_of(const char *text, int most, int *count) {
    int bytes = 0;
    for (*count = 0; text[bytes] && *count < most; ++*count)
        for (bytes++; (text[bytes] & 0xC0) == 0x80;)
            bytes++;
    return bytes;
}

void cli_print_column(const char *text, int columns, int most) {
    int count;
    char *copy = strdup(text);
    if (!copy)
        return;
    text_make_printable(copy, "");
    int bytes = bytes_of(copy, most, &count), spaces = abs(columns) - count;
    if (spaces < 0)
        spaces = 0;
    printf("%*s%.*s%*s", columns < 0 ? spaces : 0, "", bytes, copy, columns < 0 ? 0 : spaces, "");
    free(copy);
}

void cli_outlive_stdout(void) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    fputs("vggcl: standard output cannot be written to; the run goes on without it\n", messages());
    if (!freopen("/dev/null", "w", stdout))
        clearerr(stdout);
}

const char *cli_device_type(enum vggcl_device_type type) {
    return type == VGGCL_GPU ? "GPU" : type == VGGCL_CPU ? "CPU" : "accelerator";
}

bool cli_parse_count(const char *text, long minimum, long maximum, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && !*end && !errno && *value >= minimum && *value <= maximum;
}

void cli_csv_field(FILE *file, const char *text) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++)
        fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
    putc('"', file);
}

void cli_duration(double seconds, char text[32]) {
    long whole = (long)(seconds + 0.5);
    if (seconds < 60)
        snprintf(text, 32, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(text, 32, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
}

struct cli_method cli_method(struct vggcl_method m) {
    struct cli_method by;
    snprintf(by.text, sizeof by.text, "%s%s%s", m.algorithm, *m.engine ? "/" : "", m.engine);
    return by;
}
