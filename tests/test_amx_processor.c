/* Matrix instructions are offered where a product with them is right, and a processor without them ends a child process
 * only. */
#define _POSIX_C_SOURCE 200809L /* waitpid */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cl/processor.h"
#include "emulated.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static volatile sig_atomic_t ended;

static void count(int number) {
    (void)number;
    ended++;
}

/* The processor as it is: what it does is what it says. The calling program notices no child. */
static void real_processor(void **state) {
    (void)state;
    signal(SIGCHLD, count);
    assert_int_equal(processor_computes(PROCESSOR_AMX), processor_has(PROCESSOR_AMX));
    assert_int_equal(processor_computes(PROCESSOR_AVX512), processor_has(PROCESSOR_AVX512));
    assert_int_equal(ended, 0);
    assert_int_equal(waitpid(-1, NULL, 0), -1);
    assert_int_equal(errno, ECHILD);
}

/* A program that ignores its children does not hide how the child ended. */
static void ignored_children(void **state) {
    (void)state;
    signal(SIGCHLD, SIG_IGN);
    assert_int_equal(processor_computes(PROCESSOR_AMX), processor_has(PROCESSOR_AMX));
    signal(SIGCHLD, SIG_DFL);
}

static void emulated_tiles(void **state) {
    (void)state;
    assert_true(processor_computes(PROCESSOR_AMX));
}

int main(int argc, char **argv) {
    (void)argc;
    if (!emulated()) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(real_processor), cmocka_unit_test(ignored_children)};
        int failed = cmocka_run_group_tests(tests, NULL, NULL);
        if (failed)
            return failed;
    }
    emulate_amx(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(emulated_tiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
