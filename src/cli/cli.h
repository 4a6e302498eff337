/* cli.h - the program's commands: one file each, which ends in a const struct command. Only this folder prints. */
#ifndef VGGCL_CLI_CLI_H
#define VGGCL_CLI_CLI_H

#include "vggcl.h"

#include <jansson.h>

/* What the program's exit status says. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_FINITE = 3, EXIT_INTERRUPTED = 130 };

/* A flag of one command alone; the others are vggcl_options(). */
struct flag {
    const char *name, *argument, *help; /* as in struct vggcl_option; a NULL name ends a list */
    const char **text;                  /* gets the argument, where there is one */
    bool *set;                          /* is made true where there is none */
};

struct command {
    const char *name;
    const char *summary;     /* half a line, for the list of commands */
    const char *description; /* below the usage line in its own help; examples too */
    unsigned options;        /* which vggcl_options() it takes: VGGCL_FOR_TRAIN, ... or 0 */
    const struct flag *flags;
    int (*run)(const struct vggcl_config *config); /* returns the exit status */
};

extern const struct command command_train, command_eval, command_plan, command_bench, command_selfcheck, command_tune,
    command_devices, command_synth, command_version;

/* Prints the library's last error to stderr, and gives the exit status that belongs to its code. */
int cli_failed(enum vggcl_err err);

/* The same for a fault that the command itself found in how it was called. */
int cli_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Flushes stdout; a failure there (a full disk, a closed pipe) makes status EXIT_FAILED. */
int cli_end(int status);

const char *cli_device_type(enum vggcl_device_type type); /* "GPU", ... */

/* A device as devices --json prints it, with --verbose where details is set; index is its position in the list. */
json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details);

/* Writes seconds as "4.2 s", "3 min 20 s" or "2 h 05 min". */
void cli_duration(double seconds, char text[32]);

#endif
