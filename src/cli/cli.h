/* cli.h - what the program's commands share. Each command is one file, command_NAME.c, that ends in a const struct
 * command; CLI_COMMANDS lists them. Only src/main.c and this folder print: results to stdout, everything else to
 * messages(). */
#ifndef VGGCL_CLI_CLI_H
#define VGGCL_CLI_CLI_H

#include "cli/status.h"
#include "vggcl.h"

#include <stdio.h>

/* A flag of one command only, in addition to vggcl_options(), or instead of the option of the same name. If its
 * argument ends in "...", the flag may be repeated up to FLAG_MOST times, and in a command without words it takes
 * several arguments at once: text then points to an array of FLAG_MOST + 1 pointers, all NULL at first. The name ""
 * stands for words without a flag. */
struct flag {
    const char *name, *argument, *help; /* as in struct vggcl_option; a NULL name ends a list */
    const char **text;                  /* set to the argument, if the flag takes one */
    bool *set;                          /* set to true, if it takes none */
};
enum { FLAG_MOST = 16 };

/* The words that the argument of a flag is one of, for the completion of shells. */
struct flag_words {
    const char *flag;              /* "" for words without a flag; NULL ends a list */
    const char *(*word)(size_t i); /* NULL behind the last one */
};

struct command {
    const char *name;
    const char *summary;     /* half a line, for the list of commands */
    const char *description; /* the command's own help, below the usage line, with examples */
    unsigned options;        /* which vggcl_options() it takes: VGGCL_FOR_TRAIN, ... or 0 */
    const struct flag *flags;
    const struct flag *words;                      /* arguments without a flag; NULL for none */
    const char *const **word_list;                 /* instead of words->text, for any number of them: set to an array
                                                      of all words, then NULL */
    const struct flag_words *choices;              /* NULL for none */
    bool gate;                                     /* its exit status is that of a verdict, see verdict.h */
    int (*run)(const struct vggcl_config *config); /* returns the exit status */
};

/* All commands, in the order of the help text: each is command_NAME. */
#define CLI_COMMANDS(ROW)                                                                                              \
    ROW(train)                                                                                                         \
    ROW(eval)                                                                                                          \
    ROW(predict)                                                                                                       \
    ROW(convert)                                                                                                       \
    ROW(export)                                                                                                        \
    ROW(inspect)                                                                                                       \
    ROW(plan)                                                                                                          \
    ROW(bench)                                                                                                         \
    ROW(compare)                                                                                                       \
    ROW(tune)                                                                                                          \
    ROW(selfcheck)                                                                                                     \
    ROW(plot)                                                                                                          \
    ROW(devices)                                                                                                       \
    ROW(fetch)                                                                                                         \
    ROW(synth)                                                                                                         \
    ROW(version)                                                                                                       \
    ROW(completion)                                                                                                    \
    ROW(help)

#define CLI_DECLARE_COMMAND(name) extern const struct command command_##name;
CLI_COMMANDS(CLI_DECLARE_COMMAND)
extern const struct command *const cli_commands[]; /* ends in NULL */

/* The flags that all commands which use devices take too; a command's own flag of that name replaces one. */
extern const struct flag cli_common_flags[];
bool cli_is_quiet(void);
bool cli_is_verbose(void);

/* From now on, exit statuses are those of a gate: 1 means a wrong result of a driver and nothing else. */
void cli_be_gate(void);

/* --missing-status of a gate: prints an error and returns EXIT_USAGE if text is not a number from 0 to 125. NULL keeps
 * the default. */
int cli_set_missing(const char *text);
#define CLI_MISSING_HELP                                                                                               \
    "exit status if there is no such device or driver, 0 to 125 (default 6); with 125,\ngit bisect run skips the "     \
    "commit"

/* The exit status for err; cli_failed() also prints the library's last error to stderr. */
int cli_status(enum vggcl_err err);
int cli_failed(enum vggcl_err err);

/* Prints the lines of `warnings` (NULL for none) to stderr. */
void cli_warn(const char *warnings);

/* Prints a usage error that the command itself detected; returns EXIT_USAGE. */
int cli_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints that memory is out; returns EXIT_FAILED, of a gate EXIT_UNDONE. */
int cli_no_memory(void);

/* Prints an error to stderr about a result that is printed all the same: cli_end() fails then. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Complains if the loss is not finite. */
void cli_check_loss(const struct vggcl_evaluation *evaluation, const char *weights);

/* Flushes stdout. Returns status, or EXIT_FAILED if writing failed (a full disk, a closed pipe) or instead of EXIT_FINE
 * after cli_complain(). Of a gate, EXIT_UNSAVED instead of EXIT_FINE in both cases. */
int cli_end(int status);

const char *cli_device_type(enum vggcl_device_type type); /* "GPU", ... */

/* "winograd4/tiled", or only the algorithm if it has no engine. */
struct cli_method {
    char text[64];
};
struct cli_method cli_method(struct vggcl_method m);

/* Parses a whole number in minimum..maximum; false if text is not one. */
bool cli_parse_count(const char *text, long minimum, long maximum, long *value);

/* Prints a text from a file without control characters: at most `most` characters of it, filled up with spaces to
 * `columns`; on the left if columns is negative. A character of UTF-8 counts as a column. */
void cli_print_column(const char *text, int columns, int most);

/* Prints a field of a CSV file (RFC 4180): in quotes if it has commas, quotes or line ends. */
void cli_csv_field(FILE *file, const char *text);

/* Flushes stdout, which only has the progress of a run. If that fails, says so once and discards what is printed from
 * then on: a run does not end because its reader has gone or a disk is full. */
void cli_outlive_stdout(void);

/* Whether a training step normalises by the statistics of the images that a device processes at once. */
static inline bool cli_batch_statistics(const struct vggcl_config *config) {
    return !config->no_bn && config->freeze == VGGCL_FREEZE_NONE;
}

/* Bytes in MiB, the unit that all commands print. */
static inline double cli_mebibytes(uint64_t bytes) {
    return (double)bytes / (1 << 20);
}

/* Writes seconds as "4.2 s", "3 min 20 s" or "2 h 05 min". */
void cli_duration(double seconds, char text[32]);

#endif
