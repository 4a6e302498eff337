#include "cli/cli.h"

#include <stdio.h>

static int run(const struct vggcl_config *config) {
    (void)config;
    const struct vggcl_feature *f;
    printf("vggcl %s\n", vggcl_version());
    for (size_t i = 0; (f = vggcl_feature(i)); i++)
        if (f->built_in)
            printf("with %s, which %s\n", f->library, f->purpose);
        else
            printf("without %s, which %s: install %s and build vggcl again\n", f->library, f->purpose, f->package);
    return EXIT_FINE;
}

const struct command command_version = {
    .name = "version",
    .summary = "prints the version, and the optional libraries of this build",
    .description = "Prints the version, and which optional libraries this vggcl was built with.\n",
    .flags = (const struct flag[]){{0}},
    .run = run,
};
