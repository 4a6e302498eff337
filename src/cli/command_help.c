/* vggcl help */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/suggest.h"

static const char *name;

static int run(const struct vggcl_config *config) {
    const struct command *c = name ? command_find(name) : NULL;
    (void)config;
    if (name && !c)
        return suggest_command(name);
    if (c)
        help_print_command(c);
    else
        help_print_commands(stdout);
    return EXIT_FINE;
}

const struct command command_help = {
    .name = "help",
    .summary = "explains a command: vggcl help COMMAND, or vggcl COMMAND --help",
    .description = "Prints the list of the commands or, with the name of one, what it does and all of its flags.\n\n"
                   "  vggcl help train\n"
                   "  vggcl train --help      the same\n",
    .flags = (const struct flag[]){{0}},
    .words = &(const struct flag){"", "[COMMAND]", NULL, &name, NULL},
    .run = run,
};
