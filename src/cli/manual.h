/* manual.h - the manual as man pages and as a table in Markdown, made from the tables of commands and options and from
 * what is written for the manual only: data/man/NAME.man holds sections for a command's page ("vggcl": the program's),
 * and data/man/options.man more about single options. */
#ifndef VGGCL_CLI_MANUAL_H
#define VGGCL_CLI_MANUAL_H

#include "cli/commands.h"

/* vggcl-NAME(1); vggcl(1) if c is NULL. Dated by $SOURCE_DATE_EPOCH, else today. */
void manual_print_roff(FILE *stream, const struct command *c);

/* All options and flags of all commands. */
void manual_print_markdown(FILE *stream);

#endif
