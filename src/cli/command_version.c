#include "cli/cli.h"

#include <stdio.h>

static int run(const struct vggcl_config *config) {
    (void)config;
    printf("vggcl %s\n", vggcl_version());
    return EXIT_FINE;
}

const struct command command_version = {
    .name = "version",
    .summary = "prints the version",
    .description = "Prints the version.\n",
    .flags = (const struct flag[]){{0}},
    .run = run,
};
