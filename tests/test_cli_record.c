/* The program: accuracy.csv is restored from the state of a resumed run, whatever happened to the file; --log-steps has
 * each step once, after kills too. */
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
    "--data synthetic:200,50 --model vgg11 --width 0.0625 --batch 32 --no-dropout --no-selfcheck --profile none"

static char whole[17]; /* the hash of a run of 3 epochs that nothing interrupted */

/* Runs shell commands in the test's folder, V standing for the program. */
static int shell(const char *commands) {
    return vggcl("version >/dev/null; { V=%s; %s; }", VGGCL_PROGRAM, commands);
}

/* The folders whole, and `at`: the same run, stopped in its third epoch. */
static int train_both(void **state) {
    if (make_folder(state) != 0 || vggcl("train " RECIPE " --epochs 3 --save whole --log-steps whole.csv") != 0)
        return -1;
    strcpy(whole, weights_hash());
    return vggcl("train " RECIPE " --epochs 3 --save at --steps 17 --log-steps at.csv");
}

/* Resumes a copy of `at` in which commands changed the file R. The run and all its rows must be those of `whole`; in
 * the rows of the epochs in the state, the times must be those of `at`. */
static void resumes_after(const char *commands) {
    char text[2048];
    snprintf(
        text, sizeof text,
        "rm -rf run; cp -r at run; R=run/accuracy.csv; %s; test -e $R && cp $R changed || true; $V train --resume run",
        commands);
    assert_int_equal(shell(text), 0);
    assert_string_equal(weights_hash(), whole);
    char *said = strdup(output);
    assert_int_equal(
        shell("head -n 3 run/accuracy.csv | cmp - at/accuracy.csv &&"
              "cut -d, -f1-6,9 whole/accuracy.csv > rows && cut -d, -f1-6,9 run/accuracy.csv | cmp - rows"),
        0);
    strcpy(output, said);
    free(said);
}

static void nothing_happened(void **state) {
    (void)state;
    resumes_after("true");
    assert_null(strstr(output, "note "));
    assert_int_equal(shell("test ! -e run/accuracy.csv.1"), 0);
}

static void is_missing(void **state) {
    (void)state;
    resumes_after("rm $R");
    assert_says("note     accuracy.csv: was missing; it is restored from the state\n");
    assert_int_equal(shell("test ! -e run/accuracy.csv.1"), 0);
}

/* As after a kill between the state and the record. */
static void lacks_a_row(void **state) {
    (void)state;
    resumes_after("sed -i '$d' $R");
    assert_says("note     accuracy.csv: lacked the last rows; it is restored from the state\n");
    assert_int_equal(shell("test ! -e run/accuracy.csv.1"), 0);
}

/* As a spreadsheet saves it: a byte-order mark, quotes, semicolons, CR LF; and other changes by hand. */
static void was_edited(void **state) {
    (void)state;
    static const char *const edits[] = {
        "sed -i 's/[^,]*/\"&\"/g; s/,/;/g; s/$/\\r/; 1s/^/\\xef\\xbb\\xbf/' $R",
        "sed -i 2d $R; echo 3,0.01,1,0.5,1,0.5,1,1,00 >> $R",
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        resumes_after(edits[i]);
        assert_says(
            "note     accuracy.csv: differed from the rows in the state; it is restored from them, and the other "
            "file is now in run/accuracy.csv.1\n");
        assert_int_equal(shell("cmp changed run/accuracy.csv.1"), 0);
    }
    resumes_after("rm $R; mkdir $R");
    assert_says("the other file is now in run/accuracy.csv.1\n");
}

/* The states of earlier versions have no rows: those of the file count, as they did. */
static void earlier_state(void **state) {
    (void)state;
#define EARLIER                                                                                                        \
    "LC_ALL=C sed -i 's/state[.]history/state.HISTORY/; s/vggcl[.]checksum/vggcl.CHECKSUM/' run/last.safetensors"
    resumes_after(EARLIER);
    assert_null(strstr(output, "note "));
    assert_fails(1, "accuracy.csv: has no row for epoch 2",
                 "version; cp -r at/. run; " EARLIER "; sed -i '$d' run/accuracy.csv; %s train --resume run",
                 VGGCL_PROGRAM);
}

/* In another folder the record is made from the state too; that of the first folder is only read. */
static void elsewhere(void **state) {
    (void)state;
    assert_int_equal(shell("rm -rf run other; cp -r at run; rm run/accuracy.csv; $V train --resume run --save other"),
                     0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(shell("test ! -e run/accuracy.csv && head -n 3 other/accuracy.csv | cmp - at/accuracy.csv"), 0);
}

/* --------------------------------------------------------------------------------------------------- --log-steps -- */

/* Rows of steps that the state lacks, and one that is cut off: the run does these steps again. */
static void steps_stand_once(void **state) {
    (void)state;
    assert_int_equal(
        shell("rm -rf run; cp -r at run; cp at.csv run.csv; sed -n 19,21p whole.csv >> run.csv;"
              "printf 20,3,0.0 >> run.csv; ln -s run.csv link.csv; $V train --resume run --log-steps link.csv"),
        0);
    assert_null(strstr(output, "log-steps"));
    assert_int_equal(shell("cmp run.csv whole.csv && test -L link.csv"), 0);
}

/* A file that is no log is not cut, and a new one has the names of the columns. */
static void resumed_onto_another_file(void **state) {
    (void)state;
    assert_int_equal(shell("rm -rf run; cp -r at run; cp at/accuracy.csv other.csv;"
                           "$V train --resume run --log-steps other.csv"),
                     0);
    assert_says("note     log-steps: the file that was in other.csv is now in ");
    assert_int_equal(
        shell("cmp other.csv.1 at/accuracy.csv; { head -n 1 whole.csv; tail -n 4 whole.csv; } | cmp - other.csv"), 0);
}

/* A row is in the file as soon as its step is done, and there once after the run goes on. */
static void killed(void **state) {
    (void)state;
    assert_int_equal(shell("$V train " RECIPE
                           " --epochs 1000 --save k --checkpoint-every 9 --log-steps k.csv >/dev/null & "
                           "run=$!; until test -e k.csv && test $(wc -l < k.csv) -ge 16; do sleep 0.1; done;"
                           "kill -KILL $run; wait $run; cp k.csv killed.csv; steps=$(($(wc -l < k.csv) + 3));"
                           "$V train --resume k --steps $steps --log-steps k.csv"),
                     0);
    assert_int_equal(
        shell("head -n 16 whole.csv > first; head -n 16 k.csv | cmp - first &&"
              "sed 1d k.csv | cut -d, -f1 > numbers && seq 0 $(($(wc -l < numbers) - 1)) | cmp - numbers &&"
              "test $(wc -l < k.csv) -gt $(wc -l < killed.csv)"),
        0);
}

/* A new run overwrites no log. Standard output is no file to move. */
static void new_run(void **state) {
    (void)state;
    assert_int_equal(shell("cp whole.csv new.csv; $V train " RECIPE " --save new --steps 3 --log-steps new.csv"), 0);
    assert_says("note     log-steps: the file that was in new.csv is now in ");
    assert_int_equal(shell("cmp new.csv.1 whole.csv && head -n 4 whole.csv | cmp - new.csv"), 0);
    assert_int_equal(
        shell("echo before > out; $V train " RECIPE " --save new --steps 3 --log-steps /dev/stdout >> out;"
              "test -e /dev/stdout -a ! -e out.1 -a ! -e /dev/stdout.1 && grep -c '^[012],1,' out && head -n 1 out"),
        0);
    assert_says("3\nbefore\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_happened), cmocka_unit_test(is_missing),
                                       cmocka_unit_test(lacks_a_row),      cmocka_unit_test(was_edited),
                                       cmocka_unit_test(earlier_state),    cmocka_unit_test(elsewhere),
                                       cmocka_unit_test(steps_stand_once), cmocka_unit_test(resumed_onto_another_file),
                                       cmocka_unit_test(killed),           cmocka_unit_test(new_run)};
    return cmocka_run_group_tests(tests, train_both, remove_folder);
}
