/* The program multiplies with AMX where that works. Where it does not, it says so, and no illegal instruction ends it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cl/processor.h"
#include "emulated.h"
#include "program.h"

#include <math.h>
#include <stdio.h>

/* Shell: with the environment, trains in a folder; words: more options. */
#define TRAIN(environment, words)                                                                                      \
    "version >/dev/null; " environment VGGCL_PROGRAM                                                                   \
    " train --data synthetic:96,32 --model 32,M,32,M --batch 32 --steps 3 --no-selfcheck --profile none --no-dropout " \
    "--precision bf16 --conv matrix --save save " words

#define EMULATED PRELOADED(VGGCL_AMX)

/* A driver that is not PoCL has no assembler for these instructions. */
static void skip_other_drivers(void) {
    vggcl("devices --json");
    if (!strstr(output, "Portable Computing Language"))
        skip();
}

static void assert_refused(const char *words) {
    assert_int_equal(vggcl("%s", words), 2);
    assert_says("vggcl: error: matrix: ");
    assert_says("does not have the instructions of amx; leave the option out");
}

/* The kernel does not know of AMX; or it does, but the processor raises SIGILL. */
static void refused(void **state) {
    (void)state;
    skip_other_drivers();
    if (processor_has(PROCESSOR_AMX))
        skip();
    assert_refused(TRAIN("", "--matrix amx"));
    assert_refused(TRAIN(EMULATED "VGGCL_AMX_EXECUTE=no ", "--matrix amx"));
}

/* The losses of 3 steps, from a file of --log-steps. */
static void read_losses(const char *name, double losses[3]) {
    assert_int_equal(vggcl("version >/dev/null; cut -d, -f4 %s", name), 0);
    assert_int_equal(sscanf(output, "loss %lf %lf %lf", &losses[0], &losses[1], &losses[2]), 3);
}

/* Products that the emulator has executed; the one that tries it, in a child process, is not counted. */
static long products(const char *name) {
    long count = 0, number;
    assert_int_equal(vggcl("version >/dev/null; cat %s", name), 0);
    for (const char *at = output; (at = strstr(at, "tdpbf16ps ")); at++)
        if (sscanf(at, "tdpbf16ps %ld", &number) == 1)
            count += number;
    return count;
}

/* "auto" does not take AMX because the emulator has it: the processor says that it has not. */
static void trains(void **state) {
    (void)state;
    skip_other_drivers();
    if (processor_has(PROCESSOR_AMX))
        skip();
    double others[3], tiles[3];
    assert_int_equal(vggcl(TRAIN(EMULATED "VGGCL_AMX_REPORT=auto.txt ", "--log-steps auto.csv")), 0);
    assert_int_equal(vggcl(TRAIN(EMULATED "VGGCL_AMX_REPORT=amx.txt ", "--log-steps amx.csv --matrix amx")), 0);
    assert_int_equal(products("auto.txt"), 0);
    assert_true(products("amx.txt") > 0);
    read_losses("auto.csv", others);
    read_losses("amx.csv", tiles);
    for (int i = 0; i < 3; i++)
        assert_true(fabs(tiles[i] - others[i]) < 0.01 * others[i]);
}

int main(void) {
    need_emulator();
    const struct CMUnitTest tests[] = {cmocka_unit_test(refused), cmocka_unit_test(trains)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
