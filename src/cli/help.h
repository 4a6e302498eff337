/* help.h - the help texts, made from the tables of commands and options. */
#ifndef VGGCL_CLI_HELP_H
#define VGGCL_CLI_HELP_H

#include "cli/cli.h"
#include "cli/commands.h"

extern const char help_purpose[]; /* half a line: what the program is for */

void help_print_commands(FILE *stream);
void help_print_command(const struct command *c);

/* An option's help followed by its choices and default, in brackets. The caller frees it. NULL if memory is out. */
char *help_of(const struct taken *t);

#endif
