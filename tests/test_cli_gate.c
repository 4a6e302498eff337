/* The exit statuses of the commands that are gates for drivers, with drivers that are right, give wrong results, crash,
 * hang and are missing; and selfcheck --isolated, --only and its JSON. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK  "--model vgg11 --width 0.03125 --batch 2"
#define CHECK    "selfcheck --quick " NETWORK
#define ISOLATED CHECK " --isolated"
#define MEASURE  "compare --quick --steps 1 " NETWORK

/* Runs shell commands in the test's folder; V is the program. The exit status is theirs. */
static int shell(const char *format, ...) {
    char commands[2048];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(commands, sizeof commands, format, arguments);
    va_end(arguments);
    return vggcl("version >/dev/null; { V=%s; %s; }", VGGCL_PROGRAM, commands);
}

/* The text of a member of the JSON object in the output. */
static const char *json_text(const char *key) {
    static char text[4096];
    json_t *all = json_loads(strchr(output, '{'), JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(all);
    const char *found = json_string_value(json_object_get(all, key));
    snprintf(text, sizeof text, "%s", found ? found : "null");
    json_decref(all);
    return text;
}

/* What selfcheck --isolated says of a driver: its status, the verdict in JSON, and a part of the error. variables stand
 * before the program, on the shell's command line. */
static void assert_verdict(int status, const char *verdict, const char *error, const char *variables,
                           const char *words) {
    assert_int_equal(shell("%s $V " ISOLATED " %s", variables, words), status);
    assert_says("vggcl: error: ");
    assert_says(error);
    assert_int_equal(shell("%s $V " ISOLATED " --json %s 2>errors", variables, words), status);
    assert_string_equal(json_text("verdict"), verdict);
}

/* Variables for the driver of tests/icd/stub.c alone, which is broken as VGGCL_STUB says. */
#define STUB(how) "OCL_ICD_VENDORS=stub VGGCL_STUB=" how

static void make_stub(void) {
    assert_int_equal(shell("mkdir -p stub; echo %s >stub/stub.icd", VGGCL_STUB_ICD), 0);
}

/* The same rows in a child process and without, in the same order. */
static void right(void **state) {
    (void)state;
    assert_int_equal(shell("$V " CHECK " --only 'bn *,flatten' >own; $V " ISOLATED
                           " --only 'bn *' --only flatten >child; "
                           "sed -n '/ok$/s/  */ /gp' own >own.rows; sed -n '/ok$/s/  */ /gp' child >child.rows; "
                           "wc -l <own.rows; diff own.rows child.rows"),
                     0);
    assert_true(atoi(output) > 3);
    assert_int_equal(vggcl(ISOLATED " --only flatten --json"), 0);
    assert_string_equal(json_text("verdict"), "right");
    assert_string_equal(json_text("error"), "null");
}

static void wrong(void **state) {
    (void)state;
    break_kernel("bn.cl", "s/m += difference/m -= difference/");
    const char *options = "--kernel-dir kernels --only 'bn training'";
    assert_verdict(1, "wrong", " gives wrong results: bn training (bn/bn_partial, ", "", options);
    assert_int_equal(vggcl(CHECK " %s", options), 1);
    break_kernel("bn.cl", "s/m += difference/m += undeclared/");
    assert_verdict(1, "wrong", "bn.cl does not build on ", "",
                   options); /* does not build: the driver's fault, for all that is known */
    assert_int_equal(vggcl(MEASURE " --kernel-dir kernels"), 1);
}

/* A driver that is there, and fails, is not a missing one. */
static void not_answering(void **state) {
    (void)state;
    make_stub();
    assert_verdict(1, "wrong", "cannot be used: ", STUB("mute"), "--missing-status 125");
    assert_int_equal(shell(STUB("mute") " $V " MEASURE), 1);
}

/* A device that has too little memory is not wrong. */
static void too_little_memory(void **state) {
    (void)state;
    assert_verdict(8, "failed", " has too little memory for a check: bn training ",
                   PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=2 VGGCL_HANG_HOW=memory", "--only 'bn *'");
    assert_int_equal(shell(PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=2 VGGCL_HANG_HOW=memory $V " CHECK " --only 'bn *'"),
                     8);
    assert_says("  FAILED\n");
}

static void crashing(void **state) {
    (void)state;
    make_stub();
    static const char *const loaded = " before the first check, while drivers were loaded ";
    assert_verdict(4, "crashed", "killed by SIGSEGV (Segmentation fault) before the first check", STUB("crash"), "");
    assert_verdict(4, "crashed", "killed by SIGABRT (Aborted) before the first check", STUB("abort-loading"), "");
    assert_says(loaded);
    assert_verdict(4, "crashed", "ended without an answer before the first check", STUB("exit"), "");
    assert_verdict(4, "crashed", ": killed by SIGABRT (Aborted) in the check 'bn training' of 2x",
                   PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=1 VGGCL_HANG_HOW=abort", "--only 'bn *'");
    assert_verdict(4, "crashed", ": killed by SIGABRT (Aborted) after ",
                   PRELOADED(VGGCL_HANG) "VGGCL_HANG_HOW=abort-at-exit", "--only flatten");
    assert_int_equal(shell(STUB("crash") " $V " MEASURE), 4);
    assert_int_equal(shell(STUB("abort-loading") " $V " MEASURE), 4);
    assert_says("listing the devices: killed by SIGABRT");
}

static void hanging(void **state) {
    (void)state;
    make_stub();
    assert_verdict(4, "hung", "hangs: creating a context on stub", STUB("hang"), "--stall 1");
    assert_verdict(4, "hung", "hangs: listing the devices on stub platform", STUB("hang-listing"), "--stall 1");
    assert_verdict(4, "hung", "hangs: loading the drivers has not returned", STUB("hang-loading"), "--stall 1");
    static const char *const third = PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=3";
    assert_verdict(4, "hung", "; it was in the check 'bn training' of 2x", third, "--stall 1 --only 'bn *'");
    assert_int_equal(shell(STUB("hang") " $V " MEASURE " --timeout 1"), 4);
}

static void missing(void **state) {
    (void)state;
    make_stub();
    assert_verdict(6, "missing", "no OpenCL device on this machine", STUB("no-platform"), "");
    assert_verdict(125, "missing", "no OpenCL device on this machine", STUB("no-device"), "--missing-status 125");
    assert_int_equal(shell(STUB("no-device") " $V " CHECK " --missing-status 0"), 0);
    assert_fails(6, "device gpx: no such OpenCL device", CHECK " --device gpx");
    assert_int_equal(shell(STUB("no-platform") " $V " MEASURE), 6);
    assert_int_equal(shell(STUB("no-platform") " $V " MEASURE " --missing-status 125"), 125);
}

static void misused(void **state) {
    (void)state;
    assert_verdict(2, "failed", "only: no check has a name like 'gemm*'; there are: images, ", "", "--only 'gemm*'");
    assert_verdict(2, "failed", "kernel-dir nowhere: is not a directory", "", "--kernel-dir nowhere");
    assert_fails(2, "--missing-status takes a whole number from 0 to 125, not '126'", CHECK " --missing-status 126");
    assert_fails(2, "nowhere.json: cannot be opened", CHECK " --profile nowhere.json");
    assert_fails(2, "nowhere.json: cannot be opened", MEASURE " --against nowhere.json");
}

static void not_written(void **state) {
    (void)state;
    assert_int_equal(shell("$V " CHECK " --only flatten >/dev/full"), 5);
    assert_int_equal(shell("$V " ISOLATED " --only flatten --json >/dev/full"), 5);
}

/* Rows are there while the checks go on, and a signal ends them. */
static void interrupted(void **state) {
    (void)state;
    assert_int_equal(shell(PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=40 env --default-signal=TERM $V " ISOLATED
                                                 " --stall 0 --only 'bn *' >rows 2>errors & run=$!; "
                                                 "for i in $(seq 1200); do ! grep -q hanging errors || break; sleep "
                                                 "0.1; done; grep -c 'ok$' rows; "
                                                 "kill -TERM $run; wait $run"),
                     130);
    assert_true(atoi(output) > 0);
    assert_int_equal(shell("cat errors"), 0);
    assert_says("vggcl: SIGTERM: stopping");
    assert_says("vggcl: interrupted after ");
    assert_int_equal(shell("env --default-signal=TERM $V selfcheck --json " NETWORK " 2>errors >all & run=$!; "
                           "sleep 1; kill -TERM $run; wait $run; echo status $?; cat all"),
                     0);
    assert_says("status 130\n");
    assert_string_equal(json_text("verdict"), "interrupted");
}

int main(void) {
    setenv("ASAN_OPTIONS", "handle_segv=0:handle_abort=0", 1); /* a crash is to be a crash */
    cmocka_set_skip_filter(getenv("VGGCL_SKIP_TESTS"));        /* for checkers; not set otherwise */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right),         cmocka_unit_test(wrong),    cmocka_unit_test(too_little_memory),
        cmocka_unit_test(not_answering), cmocka_unit_test(crashing), cmocka_unit_test(hanging),
        cmocka_unit_test(missing),       cmocka_unit_test(misused),  cmocka_unit_test(not_written),
        cmocka_unit_test(interrupted)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
