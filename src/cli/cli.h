/* cli.h - the program's commands: one file each, which ends in a const struct command. Only this folder prints. */
#ifndef VGGCL_CLI_CLI_H
#define VGGCL_CLI_CLI_H

#include "vggcl.h"

#include <jansson.h>

/* What the program's exit status says. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FINITE = 3, EXIT_INTERRUPTED = 130 };

/* A flag of one command alone; the others are vggcl_options(), of which it may replace one. One whose argument ends in
 * "..." may be given up to FLAG_MOST times: text is the first of so many, which start as NULL, and of one NULL more.
 * Words without a flag have "" for its name. */
struct flag {
    const char *name, *argument, *help; /* as in struct vggcl_option; a NULL name ends a list */
    const char **text;                  /* gets the argument, where there is one */
    bool *set;                          /* is made true where there is none */
};
enum { FLAG_MOST = 16 };

struct command {
    const char *name;
    const char *summary;     /* half a line, for the list of commands */
    const char *description; /* below the usage line in its own help; examples too */
    unsigned options;        /* which vggcl_options() it takes: VGGCL_FOR_TRAIN, ... or 0 */
    const struct flag *flags;
    const struct flag *words;                      /* what it takes besides flags; NULL for nothing */
    int (*run)(const struct vggcl_config *config); /* returns the exit status */
};

extern const struct command command_train, command_eval, command_plan, command_bench, command_compare,
    command_selfcheck, command_tune, command_plot, command_devices, command_fetch, command_synth, command_version;

/* Prints the library's last error to stderr, and gives the exit status that belongs to its code. */
int cli_failed(enum vggcl_err err);

/* The same for a fault that the command itself found in how it was called. */
int cli_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes stdout; a failure there (a full disk, a closed pipe) makes status EXIT_FAILED. */
int cli_end(int status);

const char *cli_device_type(enum vggcl_device_type type); /* "GPU", ... */

/* A device as devices --json prints it, with --verbose where details is set; index is its position in the list. */
json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details);

/* "winograd4/tiled", or the algorithm alone where it has no engine. */
struct cli_method {
    char text[64];
};
struct cli_method cli_method(struct vggcl_method m);

/* A benchmark as bench --json prints it. */
json_t *cli_bench_json(const struct vggcl_benchmark *b);

/* text as JSON; what a driver calls itself need not be UTF-8, which is all that JSON has. */
json_t *cli_text_json(const char *text);

/* The number, or null where it is not finite, which JSON has no word for. */
json_t *cli_number_json(double value);

/* A whole number of minimum..maximum; false where text is none. */
bool cli_parse_count(const char *text, long minimum, long maximum, long *value);

/* Nothing that files and drivers say is to move a terminal's cursor: control characters become '?', and so does what is
 * beyond ASCII where the text is no UTF-8. */
void cli_make_printable(char *text);

/* From here on a first SIGINT or SIGTERM is only remembered; a second one kills. */
void cli_catch_signals(void);

/* Whether there was one: what the library asks as `stop`; user is not looked at. */
bool cli_interrupted(void *user);

/* What is done of all, 0..1, drawn as "####......". */
enum { CLI_BAR = 21 };
void cli_bar(double done, char bar[CLI_BAR]);

#define CLI_ERASE_LINE "\r\033[K" /* on a terminal */

/* Bytes in MiB, as all commands print them. */
static inline double cli_mebibytes(uint64_t bytes) {
    return (double)bytes / (1 << 20);
}

/* Writes seconds as "4.2 s", "3 min 20 s" or "2 h 05 min". */
void cli_duration(double seconds, char text[32]);

#endif
