/* The program: notes about what costs accuracy, and what they advise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <string.h>

#define NETWORK "--model vgg11 --width 0.0625 --no-dropout --no-selfcheck --profile none"

static int count_of(const char *text) {
    int count = 0;
    for (const char *at = output; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* Starts a run with these options, which must give a note with this text; NULL: none about batches. */
static void notes(const char *text, const char *options) {
    assert_int_equal(vggcl("train " NETWORK " --steps 1 --save b %s", options), 0);
    if (text)
        assert_says(text);
    assert_int_equal(count_of("note "), text ? 1 : 0);
}

static void batches_that_are_too_small(void **state) {
    (void)state;
    notes("note     the last batch of each epoch has only 1 image, and batch normalisation",
          "--data synthetic:193,50 --batch 32");
    assert_says("`vggcl train --drop-last ...`");
    assert_says("`vggcl train --batch 29 ...`\n");
    notes(NULL, "--data synthetic:193,50 --batch 32 --drop-last");
    notes(NULL, "--data synthetic:193,50 --batch 29");
    notes(NULL, "--data synthetic:193,50 --batch 32 --no-bn");
    notes("only 15 images, ", "--data synthetic:207,50 --batch 32");
    notes(NULL, "--data synthetic:208,50 --batch 32");
    /* Micro-batches and devices: 20 images are 16, fewer, in each part. */
    notes("only 20 images in parts of 10, ", "--data synthetic:212,50 --batch 32 --micro-batch 16");
    notes("only 20 images in parts of 5, ", "--data synthetic:212,50 --batch 32 --device 0:0/2 --device-split 3:1");
    notes("batch normalisation takes the statistics of 2 images at a time",
          "--data synthetic:192,50 --batch 32 --micro-batch 2");
    notes("the training set has 20 images, fewer than a batch of 32", "--data synthetic:20,50 --batch 32");
    assert_says("`vggcl train --batch 10 ...`\n");
    /* A resumed run cannot change it. */
    assert_int_equal(vggcl("train " NETWORK " --steps 1 --save r --data synthetic:193,50 --batch 32"), 0);
    assert_int_equal(vggcl("train --resume r --steps 2"), 0);
    assert_null(strstr(output, "note "));
}

/* 75 steps an epoch that change nothing. */
static void network_that_learns_nothing(void **state) {
    (void)state;
    char command[256];
    assert_int_equal(
        vggcl("train " NETWORK " --no-bn --lr 0 --data synthetic:300,50 --batch 4 --epochs 5 --seed 1 --save n"), 0);
    assert_int_equal(count_of("note "), 1);
    assert_says("note     the network has learned nothing in the last 4 epochs: its test accuracy of ");
    const char *note = strstr(output, "note ");
    assert_true(note > strstr(output, "\nepoch 4/5") && note < strstr(output, "\nepoch 5/5"));
    assert_non_null(strstr(note, "with a higher learning rate"));
    assert_int_equal(sscanf(strstr(note, "`vggcl train --config"), "`vggcl %255[^`]", command), 1);
    assert_string_equal(command, "train --config n/config.json --lr 0.01 --warmup 1 --no-bn=no");
    /* A resumed run says it once more, by the rows of its state. */
    assert_int_equal(vggcl("train --resume n --epochs 7"), 0);
    assert_int_equal(count_of("the network has learned nothing in the last 6 epochs"), 1);
    assert_int_equal(vggcl("%s --no-selfcheck --profile none --save again --epochs 5", command), 0);
    assert_null(strstr(output, "learned nothing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(batches_that_are_too_small),
                                       cmocka_unit_test(network_that_learns_nothing)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
