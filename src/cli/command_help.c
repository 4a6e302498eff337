/* vggcl help */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/manual.h"
#include "cli/suggest.h"

static const char *name;
static bool as_man, as_markdown;

static int run(const struct vggcl_config *config) {
    const struct command *c = name ? command_find(name) : NULL;
    (void)config;
    if (name && !c)
        return suggest_command(name);
    if (as_markdown)
        manual_print_markdown(stdout);
    else if (as_man)
        manual_print_roff(stdout, c);
    else if (c)
        help_print_command(c);
    else
        help_print_commands(stdout);
    return EXIT_FINE;
}

static const char *command_name(size_t i) {
    return cli_commands[i] ? cli_commands[i]->name : NULL;
}

const struct command command_help = {
    .name = "help",
    .summary = "explains a command: vggcl help COMMAND, or vggcl COMMAND --help",
    .description = "Prints the list of the commands or, with the name of one, what it does and all of its flags.\n\n"
                   "  vggcl help train\n"
                   "  vggcl train --help                   the same\n"
                   "  vggcl help train --man | man -l -    the manual page\n",
    .flags = (const struct flag[]){{"man", NULL, "print the manual page, for man -l", NULL, &as_man},
                                   {"markdown", NULL, "print all options of all commands as a table in Markdown", NULL,
                                    &as_markdown},
                                   {0}},
    .words = &(const struct flag){"", "[COMMAND]", NULL, &name, NULL},
    .choices = (const struct flag_words[]){{"", command_name}, {0}},
    .run = run,
};
