/* vggcl train with the augmentations that no recipe sets: off by default, repeated, resumed, in micro-batches. */
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* 96 images are 6 steps; without batch normalisation, micro-batches give the same results except for rounding. */
#define TRAIN                                                                                                          \
    "train --data synthetic:96,32 --width 0.0625 --batch 16 --epochs 1 --lr 0.02 --no-bn --no-dropout --no-selfcheck " \
    "--profile none "

static const char *hash_of(char hash[32], const char *options) {
    assert_int_equal(vggcl(TRAIN "%s", options), 0);
    snprintf(hash, 32, "%s", weights_hash());
    return hash;
}

/* Off, the same weights as without the option; on, others; stopped and resumed, the same ones again. */
static void check_option(const char *off, const char *on, const char *says, const char *contradicts) {
    char plain[32], other[32], command[128];
    hash_of(plain, "--save plain");
    snprintf(command, sizeof command, "%s --save off", off);
    assert_string_equal(hash_of(other, command), plain);
    snprintf(command, sizeof command, "%s --save whole", on);
    assert_string_not_equal(hash_of(other, command), plain);
    assert_says(says);
    snprintf(command, sizeof command, "%s --steps 4 --save part", on);
    hash_of(plain, command);
    assert_fails(2, contradicts, "train --resume part %s", off);
    assert_int_equal(vggcl("train --resume part --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), other);
}

static void colours(void **state) {
    (void)state;
    check_option("--color-jitter 0", "--color-jitter 0.4", "images   flipped, colours by up to 0.4\n",
                 "color-jitter 0 contradicts");
    assert_fails(2, "color-jitter", TRAIN "--color-jitter 1.5");
}

static void boxes(void **state) {
    (void)state;
    check_option("--resized-crop 0", "--resized-crop 0.3", "images   flipped, boxes of 0.3 to 1 resized\n",
                 "resized-crop 0 contradicts");
    assert_fails(2, "resized-crop", TRAIN "--resized-crop -1");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(colours), cmocka_unit_test(boxes)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
