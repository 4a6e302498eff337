/* vggcl completion */
#include "base/nearest.h"
#include "cli/cli.h"
#include "cli/completion.h"

#include <string.h>

static const char *shell;

static const char *const shells[] = {"bash", "zsh", "fish", NULL};
static void (*const print[])(FILE *stream) = {completion_print_bash, completion_print_zsh, completion_print_fish};

static const char *shell_name(size_t i) {
    return shells[i];
}

static int run(const struct vggcl_config *config) {
    (void)config;
    if (!shell)
        return cli_misused("name a shell: vggcl completion bash, zsh or fish");
    for (size_t i = 0; shells[i]; i++)
        if (strcmp(shells[i], shell) == 0) {
            print[i](stdout);
            return EXIT_FINE;
        }
    return cli_misused("completion takes one of bash, zsh, fish, not '%s'%s", shell,
                       nearest_choice(shell, shells).text);
}

const struct command command_completion = {
    .name = "completion",
    .summary = "prints a script that completes command lines in bash, zsh, fish",
    .description =
        "Prints a script for a shell: bash, zsh or fish. With it the Tab key completes commands, options, their "
        "choices,\n"
        "files and devices. An installed vggcl has the scripts where the shells look for them; otherwise:\n\n"
        "  vggcl completion bash > ~/.local/share/bash-completion/completions/vggcl\n"
        "  vggcl completion zsh > \"${fpath[1]}/_vggcl\"\n"
        "  vggcl completion fish > ~/.config/fish/completions/vggcl.fish\n\n"
        "In bash, `source <(vggcl completion bash)` is enough for the shell that is running.\n",
    .flags = (const struct flag[]){{0}},
    .words = &(const struct flag){"", "SHELL", NULL, &shell, NULL},
    .choices = (const struct flag_words[]){{"", shell_name}, {0}},
    .run = run,
};
