/* What the program shows while it has no result yet: on terminals, on pipes, of each command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK "--model 64,M,64,M --width 0.125 --batch 16 --gemm tiled"
#define DATA    "--data synthetic:64,20 " NETWORK
/* Shell: V stands for the program, with an empty cache of built kernels. */
#define COLD "version >/dev/null; V=" VGGCL_PROGRAM "; export VGGCL_CACHE_DIR=$(mktemp -d -p .); "

/* The first place of `text` in the output after that of `before`. */
static void assert_follows(const char *before, const char *text) {
    const char *at = strstr(output, before);
    assert_non_null(at);
    assert_non_null(strstr(at, text));
}

/* Device and network stand there before anything that takes long. */
static void train_shows_its_start(void **state) {
    (void)state;
    assert_int_equal(vggcl_on_terminal(60, 60, COLD "$V train " DATA " --steps 1 --save a"), 0);
    assert_follows("device   ", "selfcheck ");
    assert_follows("network  64,M,64,M", "selfcheck ");
    assert_follows("selfcheck ", "memory   ");
    assert_in_range(widest_line(output, "selfcheck "), 20, 59);
}

/* On a pipe one line for each phase that goes on after a second; the result alone is on the standard output. */
static void lines_on_a_pipe(void **state) {
    (void)state;
    assert_int_equal(vggcl(COLD "$V tune --budget 3 --json --model 64,64,M,128,128,M --batch 64 --gemm tiled 2>err "
                                "| head -c 1; echo; grep -c ^tuning err"),
                     0);
    assert_string_equal(output, "{\n1\n");
    assert_int_equal(vggcl("version >/dev/null; cat err"), 0);
    assert_null(strchr(output, '\r'));
    assert_null(strchr(output, '\033'));
}

static void every_command_on_a_terminal(void **state) {
    (void)state;
    static const struct {
        const char *words, *shows;
    } cases[] = {{"eval --weights a/last.safetensors", "\033[Kselfcheck "},
                 {"predict --weights a/last.safetensors picture.png", "\033[Kloading drivers"},
                 {"inspect --weights a/last.safetensors", "\033[Kselfcheck "},
                 {"bench --steps 2 " NETWORK, "\033[Kselfcheck "},
                 {"selfcheck --quick --json " NETWORK, "\033[Kselfcheck "},
                 {"selfcheck --quick --json --isolated " NETWORK, "\033[Kselfcheck "},
                 {"compare --only selfcheck --quick " NETWORK, "\033[K1/1  selfcheck: selfcheck "}};
    assert_int_equal(vggcl("train " DATA " --steps 1 --save a"), 0);
    assert_int_equal(vggcl("inspect --weights a/last.safetensors && cp inspect/filters.png picture.png"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(vggcl_on_terminal(100, 100, COLD "$V %s", cases[i].words), 0);
        assert_says(cases[i].shows);
    }
}

/* Shell: a long run in the background, stopped after more steps than the advice waits for. */
#define STOPPED_AFTER_STEPS(words)                                                                                     \
    "version >/dev/null; rm -f log steps.csv; env --default-signal=INT " VGGCL_PROGRAM " train " words                 \
    " --log-steps steps.csv >log 2>&1 & run=$!; until [ $(cat steps.csv 2>/dev/null | wc -l) -gt 30 ]; do sleep 0.1; " \
    "done; kill -INT $run; wait $run; cat log"
#define LONG "--data synthetic:20000,20 --model 64,64,M,128,128,M --batch 8 --gemm tiled --no-selfcheck --profile none"

/* A run whose length nobody chose says, at the measured speed, how long it takes, and what is faster; others do not. */
static void says_how_long(void **state) {
    (void)state;
    double hours, quick;
    vggcl(STOPPED_AFTER_STEPS(LONG " --save b"));
    const char *note = strstr(output, "\nnote     recipe seed reproduces the published 300 epochs: about ");
    assert_non_null(note);
    assert_int_equal(sscanf(strstr(note, ": about "), ": about %lf", &hours), 1);
    assert_int_equal(sscanf(strstr(note, " 8 epochs, about "), " 8 epochs, about %lf", &quick), 1);
    assert_says("; then: the same command with --recipe quick)\n");
    assert_null(strstr(note + 1, "\nnote "));
    vggcl(STOPPED_AFTER_STEPS(LONG " --save c --recipe seed"));
    assert_null(strstr(output, "reproduces"));
    vggcl(STOPPED_AFTER_STEPS(LONG " --save c --epochs 300"));
    assert_null(strstr(output, "reproduces"));
    vggcl(STOPPED_AFTER_STEPS("--resume b"));
    assert_says("resumed  b");
    assert_null(strstr(output, "reproduces"));
}

/* Shell: a driver that prints at each build, and, unless `at` is 0, aborts at that one. */
#define PRINTS(at) COLD PRELOADED(VGGCL_BUILDS) "VGGCL_TEST_PRINTS=" at " "
#define PRINTED    "1 warning generated.\n"

static size_t count(const char *text) {
    size_t found = 0;
    for (const char *at = output; (at = strstr(at, text)); at += strlen(text))
        found++;
    return found;
}

/* What a driver prints is not seen where all is well, but with --verbose, or where something fails. */
static void driver_messages(void **state) {
    (void)state;
    assert_int_equal(vggcl(PRINTS("0") "$V train " DATA " --profile none --steps 1 --save p"), 0);
    assert_null(strstr(output, PRINTED));
    assert_int_equal(vggcl(PRINTS("0") "$V train " DATA " --profile none --steps 1 --save p --verbose"), 0);
    assert_true(count("\n" PRINTED) > 3);
    assert_says("building image.cl, program 1 on ");
    assert_says(" s] selfcheck 1/");
    assert_int_equal(vggcl(PRINTS("0") "$V eval --weights p/last.safetensors --predictions none/x"), 1);
    assert_follows("vggcl: error: none/x: ", "vggcl: the driver of ");
    assert_says(" printed (--verbose shows all):\n  " PRINTED);
    assert_int_equal(vggcl(PRINTS("0") "$V eval --weights p/last.safetensors --tta=x"), 2);
    assert_null(strstr(output, "printed"));
}

/* The last words of a driver that aborts, hangs or exits. */
static void last_words(void **state) {
    (void)state;
    static const char *const commands[] = {"selfcheck --quick --isolated", "compare --quick --only selfcheck"};
    vggcl(PRINTS("3") "$V train " DATA " --profile none --steps 1 --save p");
    assert_int_equal(count("vggcl: the driver of "), 1);
    assert_int_equal(count("  " PRINTED), 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vggcl(PRINTS("3") "$V %s " NETWORK " --profile none", commands[i]), 4);
        assert_int_equal(count("vggcl: the driver of "), 1);
        assert_int_equal(count("  " PRINTED), 3);
        assert_says("killed by SIGABRT");
    }
    assert_int_equal(vggcl("version >/dev/null; " PRELOADED(VGGCL_HANG) "VGGCL_HANG_READ=3 " VGGCL_PROGRAM
                                                                        " bench --stall 1 " NETWORK),
                     4);
    assert_says(" printed (--verbose shows all):\n  hanging\n");
    assert_follows("hanging\n", "vggcl: error: the OpenCL driver hangs: ");
}

/* A terminal whose live line a driver would break. */
static void live_line_is_whole(void **state) {
    (void)state;
    assert_int_equal(
        vggcl_on_terminal(100, 100, PRINTS("0") "$V compare --quick --only selfcheck " NETWORK " --profile none"), 0);
    assert_says("\033[K1/1  selfcheck: selfcheck ");
    assert_null(strstr(output, "warning generated"));
}

/* Each line is an object: one an epoch, as accuracy.csv has it, then the result. */
static void train_as_json(void **state) {
    (void)state;
    static const char script[] =
        "import csv, json, sys; lines = [json.loads(line) for line in sys.stdin]; rows = list(csv.DictReader(open(\"j/"
        "accuracy.csv\"))); assert len(rows) == len(lines) - 1 == 2, lines; "
        "assert all(set(row) <= set(line) and row[\"weights_hash\"] == line[\"weights_hash\"] and "
        "abs(float(row[\"test_loss\"]) - line[\"test_loss\"]) < 1e-4 for row, line in zip(rows, lines)); "
        "result = lines[-1]; assert result[\"result\"] == \"done\" and result[\"epochs\"] == 2 and result[\"error\"] "
        "is "
        "None and result[\"weights_hash\"] == rows[-1][\"weights_hash\"], result; print(\"fine\")";
    const char *run = "$V train --profile none --no-selfcheck " DATA " --epochs 2 --json";
    assert_int_equal(vggcl("version >/dev/null; V=" VGGCL_PROGRAM "; %s --save j | python3 -c '%s'", run, script), 0);
    assert_string_equal(output, "fine\n");
    vggcl("version >/dev/null; V=" VGGCL_PROGRAM "; %s --save j/config.json/x 2>err; cat err", run);
    assert_ptr_equal(strstr(output, "{\"result\":\"failed\",\"epochs\":0,"), output);
    assert_follows("}\n", "vggcl: error: ");
    assert_int_equal(count("{"), 1);
}

static void train_quietly(void **state) {
    (void)state;
    assert_int_equal(vggcl("train --quiet --profile none " DATA " --epochs 2 --save q"), 0);
    assert_ptr_equal(strstr(output, "done after 2 epochs, "), output);
    assert_int_equal(count("\n"), 1);
    assert_int_equal(vggcl("train --quiet --resume q --epochs 3 --lr 0.1"), 0);
    assert_ptr_equal(strstr(output, "vggcl: warning: the learning rate"), output);
    assert_int_equal(count("\n"), 2);
}

/* No colours anywhere; no escape sequences on a terminal that does not know them. */
static void no_colours(void **state) {
    (void)state;
    assert_int_equal(vggcl_on_terminal(80, 80, "train " DATA " --epochs 1 --save n"), 0);
    assert_int_equal(count("\033["), count("\033[K"));
    assert_true(count("\033[K") > 0);
    assert_int_equal(
        vggcl_on_terminal(80, 80, "version >/dev/null; TERM=dumb " VGGCL_PROGRAM " train " DATA " --epochs 1 --save n"),
        0);
    assert_int_equal(count("\033"), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(train_shows_its_start),
                                       cmocka_unit_test(lines_on_a_pipe),
                                       cmocka_unit_test(every_command_on_a_terminal),
                                       cmocka_unit_test(says_how_long),
                                       cmocka_unit_test(driver_messages),
                                       cmocka_unit_test(last_words),
                                       cmocka_unit_test(live_line_is_whole),
                                       cmocka_unit_test(train_as_json),
                                       cmocka_unit_test(train_quietly),
                                       cmocka_unit_test(no_colours)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
