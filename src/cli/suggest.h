/* suggest.h - errors about words that no command takes, with what was probably meant. Each prints the error and returns
 * EXIT_USAGE. */
#ifndef VGGCL_CLI_SUGGEST_H
#define VGGCL_CLI_SUGGEST_H

#include "cli/cli.h"

/* There is no command of that name. */
int suggest_command(const char *name);

/* The command c takes no such option; the word begins with a dash. */
int suggest_option(const struct command *c, const char *word);

/* The command c, which takes no words, was given the word; before: the argument in front of it, NULL if it is the
 * first. */
int suggest_for_word(const struct command *c, const char *word, const char *before);

#endif
