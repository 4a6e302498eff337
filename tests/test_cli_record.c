/* The program: accuracy.csv is restored from the state of a resumed run, whatever happened to the file. */
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
    if (make_folder(state) != 0 || vggcl("train " RECIPE " --epochs 3 --save whole") != 0)
        return -1;
    strcpy(whole, weights_hash());
    return vggcl("train " RECIPE " --epochs 3 --save at --steps 17");
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
        "sed -i 2d $R",
        "echo 3,0.01,1,0.5,1,0.5,1,1,00 >> $R",
        "head -c 4096 /dev/urandom > $R",
        "truncate -s 1M $R",
        "sed -i 's/e/E/' $R",
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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_happened), cmocka_unit_test(is_missing),
                                       cmocka_unit_test(lacks_a_row),      cmocka_unit_test(was_edited),
                                       cmocka_unit_test(earlier_state),    cmocka_unit_test(elsewhere)};
    return cmocka_run_group_tests(tests, train_both, remove_folder);
}
