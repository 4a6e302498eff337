#include "cli/cli.h"
#include "cli/counted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *out, *train = "5000", *test = "1000", *size = "32", *seed = "0";

/* Parses a non-negative integer; false if text is not one. */
static bool parse_count(const char *text, unsigned long long *value) {
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return end != text && !*end && !errno && *text != '-';
}

static bool parse_size(const char *text, size_t *value) {
    unsigned long long number;
    if (!parse_count(text, &number))
        return false;
    *value = (size_t)number;
    return *value == number;
}

static void drawn(size_t done, size_t count, void *payload) {
    counted_show(payload, done, count);
}

static int run(const struct vggcl_config *config) {
    (void)config;
    size_t train_count, test_count, side;
    unsigned long long seed_value;
    if (!out)
        return cli_misused("--out DIR is missing: the folder to write to");
    if (!parse_size(train, &train_count) || !parse_size(test, &test_count) || !parse_size(size, &side) ||
        !parse_count(seed, &seed_value))
        return cli_misused("--train, --test, --size and --seed take whole numbers");
    struct counted drawing = counted_begin("images", "drawn");
    enum vggcl_err err = vggcl_synth(out, train_count, test_count, side, seed_value, drawn, &drawing);
    if (err != VGGCL_OK)
        return cli_failed(err);
    printf("%s: %zu training and %zu test images; train on them with: vggcl train --data %s\n", out, train_count,
           test_count, out);
    return EXIT_FINE;
}

const struct command command_synth = {
    .name = "synth",
    .summary = "writes the synthetic data set to a folder",
    .description = "Writes ten classes of generated images (shapes and textures in random colours): of 32x32 pixels in "
                   "CIFAR-10's\n"
                   "binary format, of another size as IDX files, which may be larger than memory. `--data "
                   "synthetic:N,M` trains on\n"
                   "the same images without a folder. A folder with another data set is an error.\n\n"
                   "  vggcl synth --out /tmp/shapes --train 10000 --test 2000\n"
                   "  vggcl synth --out /tmp/large --train 2000000 --test 10000 --size 64      24 GB\n",
    .flags = (const struct flag[]){{"out", "DIR", "the folder, made where missing", &out, NULL},
                                   {"train", "N", "training images (default 5000)", &train, NULL},
                                   {"test", "N", "test images (default 1000)", &test, NULL},
                                   {"size", "N", "height and width, 8 to 256 pixels (default 32)", &size, NULL},
                                   {"seed", "N", "which set (default 0)", &seed, NULL},
                                   {0}},
    .run = run,
};
