/* The same command twice on a driver without a profile: the first run tunes and stores what it chose, so that the
 * second one ends with the same weights. tests/fault/builds.c makes the driver one without a profile. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <string.h>

#define TRAIN "train --data synthetic:32,10 --model 16,M,16 --batch 16 --epochs 1 --no-dropout --save save"

/* Runs the program with words of the shell before it, VGGCL_CACHE_DIR being `cache` in the test's folder unless they
 * name another one. */
static int run(const char *before, const char *words) {
    return vggcl("version >/dev/null; V=%s; rm -rf save; export VGGCL_CACHE_DIR=$PWD/cache; %s env " PRELOADED(
                     VGGCL_BUILDS) " $V %s",
                 VGGCL_PROGRAM, before, words);
}

/* Asserts that the command twice, from an empty cache, ends with the same weights. */
static void twice(const char *before) {
    char hash[17];
    assert_int_equal(vggcl("version; rm -rf cache"), 0);
    assert_int_equal(run(before, TRAIN), 0);
    assert_says("tuning   measured in ");
    assert_says(", stored as ");
    strcpy(hash, weights_hash());
    assert_int_equal(run(before, TRAIN), 0);
    assert_says("tuning   stored profile ");
    assert_string_equal(weights_hash(), hash);
}

/* What was chosen because there was no time for more is kept. */
static void no_time(void **state) {
    (void)state;
    twice("export VGGCL_TEST_HASTE=100000;");
}

/* No program is built twice, and the second run builds none. */
static void built_once(void **state) {
    (void)state;
    twice("n=1; test -e builds1 && n=2; export VGGCL_TEST_BUILDS=builds$n;");
    assert_int_equal(vggcl("version >/dev/null; test -s builds1 && sort builds1 | uniq -d; ls builds*"), 0);
    assert_string_equal(output, "builds1\n");
}

/* A run that is stopped while it tunes stores nothing; the next one tunes. */
static void interrupted(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; rm -rf cache"), 0);
    assert_int_equal(run("export VGGCL_TEST_SIGNAL=2;", TRAIN), 5);
    assert_int_equal(vggcl("version >/dev/null; find cache -name '*.json'"), 0);
    assert_string_equal(output, "");
    twice("export VGGCL_TEST_HASTE=100000;");
}

/* Where nothing can be stored, a line says what that means and what to do. */
static void not_stored(void **state) {
    (void)state;
    static const char *const folders[] = {"VGGCL_CACHE_DIR=/dev/null/none", "VGGCL_CACHE_DIR= XDG_CACHE_HOME= HOME= "};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char before[128];
        snprintf(before, sizeof before, "export VGGCL_TEST_HASTE=100000 %s;", folders[i]);
        assert_int_equal(run(before, TRAIN " --no-selfcheck"), 0);
        assert_says(", not stored: ");
        assert_says("; this command may end with other weights when it is run again; use profile none, or a profile "
                    "that vggcl tune exports\n");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_time), cmocka_unit_test(built_once),
                                       cmocka_unit_test(interrupted), cmocka_unit_test(not_stored)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
