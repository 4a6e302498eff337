#include "cli/cli.h"
#include "cli/origin.h"

#include <stdio.h>

static int run(const struct vggcl_config *config) {
    (void)config;
    const struct vggcl_feature *f;
    printf("vggcl %s%s%s%s\n", vggcl_version(), *origin_commit ? " (commit " : "", origin_commit,
           *origin_commit ? ")" : "");
    for (size_t i = 0; (f = vggcl_feature(i)); i++)
        if (f->built_in)
            printf("with %s, which %s\n", f->library, f->purpose);
        else
            printf("without %s, which %s: install %s and build vggcl again\n", f->library, f->purpose, f->package);
    return EXIT_FINE;
}

const struct command command_version = {
    .name = "version",
    .summary = "prints version, commit and optional libraries of this build",
    .description = "Prints the version, the git commit that was built (in a checkout), and which optional\n"
                   "libraries this vggcl was built with.\n",
    .flags = (const struct flag[]){{0}},
    .run = run,
};
