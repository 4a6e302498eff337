#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *out, *train = "5000", *test = "1000", *seed = "0";

/* Parses a non-negative integer; false if text is not one. */
static bool parse_count(const char *text, unsigned long long *value) {
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return end != text && !*end && !errno && *text != '-';
}

static int run(const struct vggcl_config *config) {
    (void)config;
    unsigned long long train_count, test_count, seed_value;
    if (!out)
        return cli_misused("--out DIR is missing: the folder to write to");
    if (!parse_count(train, &train_count) || !parse_count(test, &test_count) || !parse_count(seed, &seed_value))
        return cli_misused("--train, --test and --seed take whole numbers");
    enum vggcl_err err = vggcl_synth(out, train_count, test_count, seed_value);
    if (err != VGGCL_OK)
        return cli_failed(err);
    printf("%s: %llu training and %llu test images; train on them with: vggcl train --data %s\n", out, train_count,
           test_count, out);
    return EXIT_FINE;
}

const struct command command_synth = {
    .name = "synth",
    .summary = "writes the synthetic data set to a folder",
    .description =
        "Writes ten classes of generated 32x32 images (shapes and textures in random colours) in CIFAR-10's binary\n"
        "format. `--data synthetic:N,M` trains on the same images without a folder.\n\n"
        "  vggcl synth --out /tmp/shapes --train 10000 --test 2000\n",
    .flags = (const struct flag[]){{"out", "DIR", "the folder, made where missing", &out, NULL},
                                   {"train", "N", "training images, over five files (default 5000)", &train, NULL},
                                   {"test", "N", "test images (default 1000)", &test, NULL},
                                   {"seed", "N", "which set (default 0)", &seed, NULL},
                                   {0}},
    .run = run,
};
