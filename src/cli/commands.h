/* commands.h - finds commands, and the options and flags that they take. */
#ifndef VGGCL_CLI_COMMANDS_H
#define VGGCL_CLI_COMMANDS_H

#include "cli/cli.h"

/* NULL if there is no such command. */
const struct command *command_find(const char *name);

/* An option of the library or a flag of the command. */
struct taken {
    const char *name, *argument, *help;
    const struct vggcl_option *option; /* NULL for a flag of the command */
    const struct flag *flag;           /* NULL for an option of the library, and for --help */
};

/* All that a command takes, in the order of its help, --help last:
 *
 *     struct taken t;
 *     for (size_t i = 0; command_next(c, &i, &t);) */
bool command_next(const struct command *c, size_t *i, struct taken *t);

/* Finds the one of that name. */
bool command_takes(const struct command *c, const char *name, struct taken *t);

/* Whether it calls OpenCL drivers, in its own process or in others; it takes cli_common_flags then. */
bool command_uses_devices(const struct command *c);

#endif
