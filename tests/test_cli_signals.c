/* The program and signals, and drivers that hang: what it says, what it keeps, how it exits. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"
#include "vggcl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK "--data synthetic:200,50 --model vgg11 --width 0.0625 --batch 32 --no-dropout" /* 7 steps an epoch */
#define RECIPE  NETWORK " --no-selfcheck --profile none"

/* Shell: starts the command in the background, without the signals that the shell ignores there; $run is its process.
 * UNTIL waits until a command succeeds. */
#define BEGIN(command, log) "env --default-signal=INT,HUP " command " >" log " 2>&1 & run=$!; "
#define UNTIL(command)      "until " command "; do sleep 0.05; done; "
#define RUN(dir)            BEGIN("$V train " RECIPE " --epochs 100000 --save " dir, dir ".log")
#define FIRST_STEP(dir)     UNTIL("grep -q 'first step' " dir ".log")

/* Shell: the driver hangs in the wait with this number, of about two a step. */
#define HANGS(at) PRELOADED(VGGCL_HANG) "VGGCL_HANG_AT=" at " "

/* Runs shell commands in the test's folder, V standing for the program; the exit status is theirs. */
static int shell(const char *commands) {
    return vggcl("version >/dev/null; { V=%s; %s; }", VGGCL_PROGRAM, commands);
}

/* ----------------------------------------------------------------------------------------------------- ending -- */

static void each_signal_saves(void **state) {
    (void)state;
    static const char *const names[] = {"INT", "TERM", "HUP"};
    for (int i = 0; i < 3; i++) {
        char commands[2048], text[128];
        snprintf(commands, sizeof commands,
                 "rm -rf a a.log; " RUN("a")
                     FIRST_STEP("a") "kill -%s $run; wait $run; echo status $?; cat a.log; "
                                     "steps=$(sed -nE 's/^stopped.* ([0-9]+) steps.*/\\1/p' a.log);"
                                     "$V train --resume a --steps $((steps + 1)) | grep -F \"after step $steps\"",
                 names[i]);
        assert_int_equal(shell(commands), 0);
        assert_says("status 130\n");
        snprintf(text, sizeof text, "vggcl: SIG%s: finishing the step, then saving to a", names[i]);
        assert_says(text);
        assert_says("the state is saved; continue with: vggcl train --resume a\n");
    }
}

static void repeated_signal_is_one(void **state) {
    (void)state;
    assert_int_equal(shell(RUN("b") FIRST_STEP("b") "kill -TERM $run; kill -TERM $run; kill -HUP $run; wait $run"),
                     130);
    assert_int_equal(shell("timeout 1 $V train --epochs 100000 --save t --resume b; echo status $?"), 0);
    assert_says("status 124\n"); /* timeout's own */
    assert_says("the state is saved");
}

static void second_signal_ends_unsaved(void **state) {
    (void)state;
    assert_int_equal(
        shell(BEGIN(HANGS("40") "$V train " RECIPE " --verbose --epochs 100000 --stall 0 --save c", "c.log")
                  UNTIL("grep hanging c.log") "kill -INT $run; " UNTIL(
                      "grep SIGINT: c.log") "sleep 1.1; kill -TERM $run; wait $run; echo status $?; cat c.log; ls c"),
        0);
    assert_says("vggcl: SIGINT: finishing the step, then saving to c");
    assert_says("vggcl: SIGTERM again: stopped without saving; c/last.safetensors has the state after ");
    assert_says("status 5\n");
    assert_null(strstr(output, ".tmp"));
}

/* Commands that catch no signals end by one, also where a library has taken it. */
static void uncaught_signal_ends(void **state) {
    (void)state;
    assert_int_equal(
        shell(BEGIN(PRELOADED(VGGCL_TAKES_HUP) "$V bench --width 0.0625 --batch 2 --steps 100000 --verbose", "u.log")
                  UNTIL("grep -q . u.log") "kill -HUP $run; wait $run"),
        128 + 1);
}

/* Also where a library that the program is linked with has taken it. */
static void ignored_signal_stays_ignored(void **state) {
    (void)state;
    static const char *const preloaded[] = {"", PRELOADED(VGGCL_TAKES_HUP)};
    for (int i = 0; i < 2; i++) {
        char commands[2048];
        snprintf(commands, sizeof commands,
                 "rm -rf d; (trap '' HUP; exec env %s $V train " RECIPE
                 " --epochs 5 --save d >d.log 2>&1) & run=$!; " UNTIL(
                     "test -e d/last.safetensors") "kill -HUP $run; wait $run",
                 preloaded[i]);
        assert_int_equal(shell(commands), 0);
    }
}

/* In the selfcheck of a machine that never ran the program, before anything is saved. */
static void ends_in_the_selfcheck(void **state) {
    (void)state;
    assert_int_equal(shell("mkdir pocl cold; export POCL_CACHE_DIR=$PWD/pocl VGGCL_CACHE_DIR=$PWD/cold; " BEGIN(
                         "$V train " NETWORK " --profile none --save e",
                         "e.log") "sleep 2; start=$(date +%s); kill -TERM $run; wait $run; echo status $?; "
                                  "test $(($(date +%s) - start)) -le 10 || echo slow; cat e.log; ls e; find cold"),
                     0);
    assert_says("vggcl: SIGTERM: stopping before the first step; again to stop at once\n");
    assert_says("stopped before the first step; nothing is saved\n");
    assert_says("status 5\n");
    assert_says("cannot access 'e'");
    assert_null(strstr(output, ".tmp"));
    assert_null(strstr(output, "slow"));
}

static void early_stop_keeps_the_resumed_run(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --steps 3 --save f"), 0);
    assert_int_equal(
        shell("cp -r f before; mkdir -p pocl2; export POCL_CACHE_DIR=$PWD/pocl2 VGGCL_CACHE_DIR=; " BEGIN(
            "$V train --resume f", "f.log") "sleep 1; kill -TERM $run; wait $run; echo status $?; cat f.log; "
                                            "cmp f/last.safetensors before/last.safetensors"),
        0);
    assert_says("f/last.safetensors keeps the state after 3 steps\n");
    assert_says("status 130\n");
}

/* ----------------------------------------------------------------------------------------------------- going on -- */

static void saves_now(void **state) {
    (void)state;
    assert_int_equal(shell(RUN("g") FIRST_STEP("g") "kill -USR1 $run; " UNTIL(
                         "grep '^saved  ' g.log") "kill -KILL $run; wait $run; cat g.log; "
                                                  "steps=$(sed -nE 's/^saved.* after ([0-9]+) steps.*/\\1/p' g.log); "
                                                  "test $steps -gt 0 && $V train --resume g --steps $((steps + 1)) | "
                                                  "grep -E 'after step|^complete'"),
                     0);
    assert_says("vggcl: SIGUSR1: saving after this step\n");
    assert_says("saved    the state after ");
}

static void goes_on_without_stdout(void **state) {
    (void)state;
    assert_int_equal(shell("{ $V train " RECIPE
                           " --epochs 3 --save h 2>h.log; echo status $? >>h.log; } | head -n 1; cat h.log; "
                           "wc -l h/accuracy.csv; $V train " RECIPE " --epochs 1 --save full >/dev/full; echo full $?"),
                     0);
    assert_says("vggcl: standard output cannot be written to; the run goes on without it\nstatus 0\n");
    assert_says("4 h/accuracy.csv"); /* with the header */
    assert_says("standard output cannot be written to; the run goes on without it\nfull 0\n");
}

/* ------------------------------------------------------------------------------------------------ during a test -- */

/* A run by the library that is to stop once its first test has begun. */
struct watched {
    bool testing;
    struct vggcl_finish finish;
};

static void progressed(const struct vggcl_progress *p, void *payload) {
    struct watched *w = payload;
    w->testing |= p->testing;
}

static bool in_test(void *payload) {
    return ((struct watched *)payload)->testing;
}

static void finished(const struct vggcl_finish *finish, void *payload) {
    ((struct watched *)payload)->finish = *finish;
}

static void set(struct vggcl_config *config, const char *name, const char *text) {
    assert_int_equal(vggcl_config_set(config, name, text), VGGCL_OK);
}

/* The unfinished test is repeated when the run is resumed, which then ends as one that was not stopped. */
static void stops_during_a_test(void **state) {
    (void)state;
    static const char *const options[][2] = {
        {"data", "synthetic:64,64"}, {"model", "8,M,8,M"}, {"batch", "16"}, {"no-selfcheck", NULL},
        {"profile", "none"},         {"ema", "0.9"},       {"epochs", "2"}};
    struct vggcl_config config;
    struct watched w = {0};
    char path[128];
    uint64_t hashes[2];
    snprintf(path, sizeof path, "%s/test", folder);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
        for (size_t k = 0; k < sizeof options / sizeof *options; k++)
            set(&config, options[k][0], options[k][1]);
        set(&config, "save", path);
        struct vggcl_observer observer = {
            .progressed = progressed, .finished = finished, .stop = i ? in_test : NULL, .payload = &w};
        w = (struct watched){0};
        assert_int_equal(vggcl_train(&config, &observer), VGGCL_OK);
        hashes[i] = w.finish.weights_hash;
    }
    assert_int_equal(w.finish.end, VGGCL_END_STOPPED);
    assert_int_equal(w.finish.epoch, 0);
    assert_int_equal(w.finish.step, 4);
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    set(&config, "resume", path);
    struct vggcl_observer observer = {.finished = finished, .payload = &w};
    assert_int_equal(vggcl_train(&config, &observer), VGGCL_OK);
    assert_int_equal(w.finish.epoch, 2);
    assert_true(w.finish.weights_hash == hashes[0]);
}

/* --------------------------------------------------------------------------------------------- drivers that hang -- */

static void hanging_driver(void **state) {
    (void)state;
    assert_int_equal(shell("mkdir stub; echo " VGGCL_STUB_ICD " >stub/stub.icd; export OCL_ICD_VENDORS=stub; "
                           "VGGCL_STUB=hang-listing $V devices --stall 1"),
                     4);
    assert_says("the OpenCL driver hangs: listing the devices on stub platform has not returned for 1 s; wait longer");
    assert_int_equal(shell("OCL_ICD_VENDORS=stub VGGCL_STUB=hang $V train " RECIPE " --stall 1 --save s"), 4);
    assert_says("hangs: creating a context on stub <b>&\"device\" has not returned for 1 s; nothing was saved; ");
}

static void hanging_step(void **state) {
    (void)state;
    assert_int_equal(shell(HANGS("40") "$V train " RECIPE " --epochs 100000 --checkpoint-every 3 --stall 2 --save i"),
                     4);
    assert_says("vggcl: error: the OpenCL driver hangs: waiting for a step on ");
    assert_says("has not returned for 2 s; i/last.safetensors has the state after ");
    assert_int_equal(shell("$V train --resume i --epochs 1 --steps 1"), 0);
}

/* The time in which a process is stopped does not count, even in the middle of a wait. */
static void stopped_process_does_not_stall(void **state) {
    (void)state;
    assert_int_equal(
        shell(BEGIN(HANGS("40") "$V train " RECIPE " --verbose --epochs 100000 --stall 5 --save j", "j.log")
                  UNTIL("grep hanging j.log") "kill -STOP $run; sleep 6; kill -CONT $run; sleep 1; "
                                              "kill -0 $run && echo alive; kill -KILL $run; wait $run; cat j.log"),
        0);
    assert_says("alive\n");
    assert_null(strstr(output, "driver hangs"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signal_saves),
        cmocka_unit_test(repeated_signal_is_one),
        cmocka_unit_test(second_signal_ends_unsaved),
        cmocka_unit_test(uncaught_signal_ends),
        cmocka_unit_test(ignored_signal_stays_ignored),
        cmocka_unit_test(ends_in_the_selfcheck),
        cmocka_unit_test(early_stop_keeps_the_resumed_run),
        cmocka_unit_test(saves_now),
        cmocka_unit_test(goes_on_without_stdout),
        cmocka_unit_test(stops_during_a_test),
        cmocka_unit_test(hanging_driver),
        cmocka_unit_test(hanging_step),
        cmocka_unit_test(stopped_process_does_not_stall),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
