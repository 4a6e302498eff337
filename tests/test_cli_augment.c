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

static void mixtures(void **state) {
    (void)state;
    check_option("--mixup 0", "--mixup 0.4", "images   flipped, mixup 0.4\n", "mixup 0 contradicts");
    check_option("--cutmix 0", "--cutmix 1 --label-smoothing 0.1 --color-jitter 0.2",
                 "images   flipped, colours by up to 0.2, CutMix 1\n", "cutmix 0 contradicts");
    assert_fails(2, "mixup", TRAIN "--mixup -1");
    assert_fails(2, "cutmix", TRAIN "--cutmix nan");
}

/* The losses in a log of steps. */
static int losses_in(const char *name, double losses[8]) {
    char path[128], line[128];
    int count = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) && count < 8)
        count += sscanf(line, "%*d,%*d,%*f,%lf", &losses[count]) == 1;
    fclose(file);
    return count;
}

/* A part of a batch gets partners from other parts: micro-batches give the losses of the whole batch except for
 * rounding, and two halves of a device compute the bits of two micro-batches. */
static void mixtures_in_parts(void **state) {
    (void)state;
    double whole[8], parts[8];
    char hash[32], other[32];
    hash_of(other, "--mixup 1 --cutmix 1 --color-jitter 0.2 --save m1 --log-steps m1.csv");
    hash_of(hash, "--mixup 1 --cutmix 1 --color-jitter 0.2 --micro-batch 8 --save m2 --log-steps m2.csv");
    assert_says("in 2 micro-batches of up to 8 images");
    assert_int_equal(losses_in("m1.csv", whole), 6);
    assert_int_equal(losses_in("m2.csv", parts), 6);
    for (int i = 0; i < 6; i++)
        assert_float_equal(parts[i], whole[i], 1e-5);
    hash_of(other, "--mixup 1 --cutmix 1 --color-jitter 0.2 --device 0:0/2 --save m3");
    assert_string_equal(other, hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(colours), cmocka_unit_test(boxes), cmocka_unit_test(mixtures),
                                       cmocka_unit_test(mixtures_in_parts)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
