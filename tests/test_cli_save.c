/* The program: saves that fail, and what a run does then (--on-save-error). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECIPE /* 7 steps an epoch */                                                                                  \
    "--data synthetic:200,50 --model vgg11 --width 0.0625 --batch 32 --no-dropout --no-selfcheck --profile none "

/* Runs the program with tests/fault/disk.c. The first query of free space is before the first step; the state before it
 * needs none. In the first epoch there are two, of the best weights and of the state, and then one in each epoch whose
 * save fails. */
#define WITH(fault) "version >/dev/null; " fault " " PRELOADED(VGGCL_FAULT_DISK) VGGCL_PROGRAM " "

static char whole[17]; /* the hash of a run of 5 epochs whose saves succeed */

static int train_whole(void **state) {
    if (make_folder(state) != 0 ||
        vggcl("train " RECIPE "--epochs 5 --save-every 2 --save whole --log-steps whole.csv"))
        return -1;
    strcpy(whole, weights_hash());
    return 0;
}

static int count(const char *text) {
    int found = 0;
    for (const char *at = output; (at = strstr(at, text)); at++)
        found++;
    return found;
}

/* Every file in the folder is that of `whole`, except for the times in it. */
static void assert_as_whole(const char *save) {
    assert_int_equal(vggcl("version >/dev/null; for f in best epoch-002 epoch-004; do cmp %s/$f.safetensors "
                           "whole/$f.safetensors || exit 1; done; cut -d, -f1-6,9 whole/accuracy.csv > rows &&"
                           "cut -d, -f1-6,9 %s/accuracy.csv | cmp - rows && ls %s",
                           save, save, save),
                     0);
    assert_null(strstr(output, ".tmp"));
    assert_int_equal(vggcl("train --resume %s", save), 0);
    assert_string_equal(weights_hash(), whole);
}

/* The best weights, the checkpoint of an epoch, the state and the rows of two epochs are saved with those of the next.
 */
static void full_for_a_while(void **state) {
    (void)state;
    assert_int_equal(
        vggcl(WITH("VGGCL_TEST_SPACE=4:5:1000") "train " RECIPE "--epochs 5 --save-every 2 --save a --log-steps a.csv"),
        0);
    assert_int_equal(count("\nvggcl: warning: a/"), 2);
    assert_int_equal(count(": cannot be written: its folder has 0.0 MiB of free space, but it takes "), 2);
    assert_int_equal(count("; a has the state after 7 steps; the run goes on, and its next save tries again\n"), 2);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl("version >/dev/null; cmp a.csv whole.csv"), 0);
    assert_as_whole("a");
}

static void full_to_the_end(void **state) {
    (void)state;
    assert_fails(1,
                 "; the last save of the run failed: b has the state after 7 of 35 steps; once it can be written "
                 "again, go on with `vggcl train --resume b`\n",
                 WITH("VGGCL_TEST_SPACE=4:99:1000") "train " RECIPE "--epochs 5 --save-every 2 --save b");
    assert_int_equal(count("vggcl: warning: "), 4);
    assert_int_equal(vggcl("train --resume b"), 0);
    assert_as_whole("b");
}

static void stops_at_once(void **state) {
    (void)state;
    assert_fails(1, "free space, but it takes",
                 WITH("VGGCL_TEST_SPACE=4:4:1000") "train " RECIPE
                                                   "--epochs 5 --save-every 2 --save c --on-save-error stop");
    assert_null(strstr(output, "warning"));
    assert_null(strstr(output, "epoch 2/5  loss")); /* which was trained, but is not saved */
    assert_int_equal(vggcl("train --resume c"), 0);
    assert_as_whole("c");
}

/* Nothing is made or moved for a run that could not save. */
static void too_little_at_first(void **state) {
    (void)state;
    assert_fails(1, "d: has 1.0 MiB of free space, but saves need ",
                 WITH("VGGCL_TEST_SPACE=1:1:1048576") "train " RECIPE "--save d");
    assert_fails(1, "whole: has 0.0 MiB of free space", WITH("VGGCL_TEST_SPACE=1:1:0") "train " RECIPE "--save whole");
    assert_int_equal(vggcl("version >/dev/null; test ! -e d -a ! -e whole.1"), 0);
}

/* The text is that of the error, not always that of a full disk. */
static void input_output_error(void **state) {
    (void)state;
    assert_int_equal(vggcl(WITH("VGGCL_TEST_FSYNC=2:2:5") "train " RECIPE "--epochs 5 --save-every 2 --save e"), 0);
    assert_int_equal(count("vggcl: warning: "), 1);
    assert_says("\nvggcl: warning: e/last.safetensors: cannot be written: Input/output error; ");
    assert_null(strstr(output, "full"));
    assert_as_whole("e");
}

/* Weights that cannot be saved are kept in memory, but not without a limit. */
static void too_many_to_keep(void **state) {
    (void)state;
    assert_fails(1,
                 "f/epoch-009.safetensors: was not written, because nothing could be saved at that time; everything "
                 "else is saved\n",
                 WITH("VGGCL_TEST_SPACE=4:11:1000") "train " RECIPE "--epochs 10 --save-every 1 --save f");
    assert_int_equal(count("vggcl: warning: "), 9);
    assert_int_equal(vggcl("version >/dev/null; ls f"), 0);
    assert_int_equal(count("epoch-0"), 9);
}

/* A log that cannot be written keeps no state from being saved. */
static void log_fails(void **state) {
    (void)state;
    assert_fails(1,
                 "log-steps /dev/full: cannot be written: No space left on device; the last save of the run failed: g "
                 "has the state after 35 of 35 steps\n",
                 "train " RECIPE "--epochs 5 --save-every 2 --save g --log-steps /dev/full");
    assert_as_whole("g");
    assert_fails(1, "log-steps /dev/full: cannot be written: No space left on device\n",
                 "train " RECIPE "--epochs 5 --save g --log-steps /dev/full --on-save-error stop");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(full_for_a_while),   cmocka_unit_test(full_to_the_end),
                                       cmocka_unit_test(stops_at_once),      cmocka_unit_test(too_little_at_first),
                                       cmocka_unit_test(input_output_error), cmocka_unit_test(too_many_to_keep),
                                       cmocka_unit_test(log_fails)};
    return cmocka_run_group_tests(tests, train_whole, remove_folder);
}
