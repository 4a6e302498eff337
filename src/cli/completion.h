/* completion.h - scripts that complete vggcl's command lines, made from the tables of commands and options. */
#ifndef VGGCL_CLI_COMPLETION_H
#define VGGCL_CLI_COMPLETION_H

#include "cli/commands.h"

/* What an argument is completed to. */
enum completes {
    COMPLETES_NOTHING,
    COMPLETES_WORDS, /* completion_word() */
    COMPLETES_FOLDERS,
    COMPLETES_FILES,   /* with completion_suffix() */
    COMPLETES_DEVICES, /* what `vggcl devices` lists, and gpu, cpu, accelerator */
    COMPLETES_DATA     /* a folder, or the word synthetic */
};

/* Of an option or flag with an argument; or of the words of a command, with t->name "" (see completion_words()). */
enum completes completion_of(const struct command *c, const struct taken *t);
const char *completion_word(const struct command *c, const struct taken *t, size_t i); /* NULL behind the last one */
const char *completion_suffix(const struct taken *t);                                  /* ".json"; "" for any file */

/* The words without a flag of a command, as if they were an option called "". */
struct taken completion_words(const struct command *c);

/* The beginning of a help text, as much as a line of a menu shows, without backquotes. */
struct completion_summary {
    char text[72];
};
struct completion_summary completion_summary(const char *help);

void completion_print_bash(FILE *stream);
void completion_print_zsh(FILE *stream);
void completion_print_fish(FILE *stream);

/* In a shell: prints a line for each device of the program $1: its position P:D, a tab, its name. */
#define COMPLETION_DEVICES "devices 2>/dev/null | sed -nE 's/^[* ] ([0-9]+:[0-9]+) .*iB  (.*)/\\1\\t\\2/p'"

#endif
