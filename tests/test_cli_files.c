/* Files that the program finds: caches of other users. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdlib.h>
#include <string.h>

static int occurrences(const char *text) {
    int count = 0;
    for (const char *at = output; (at = strstr(at, text)); at++)
        count++;
    return count;
}

/* A cache folder that others can write to is not used, which is said once, where a cache would be used. */
static void cache_of_others(void **state) {
    (void)state;
    static const char warning[] = "vggcl: warning: cache folder open: can be written by others (chmod go-w mends that)";
    assert_int_equal(vggcl("version; mkdir -m 0770 open"), 0);
    assert_int_equal(
        vggcl("version; VGGCL_CACHE_DIR=open %s bench --model vgg11 --width 0.0625 --batch 2 --steps 1", VGGCL_PROGRAM),
        0);
    assert_int_equal(occurrences("warning"), 1);
    assert_says(warning);
    assert_int_equal(vggcl("version; VGGCL_CACHE_DIR=open %s devices", VGGCL_PROGRAM), 0);
    assert_int_equal(occurrences(warning), 1);
    assert_int_equal(vggcl("version; rmdir open"), 0); /* it is still empty */
    assert_int_equal(occurrences(warning), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cache_of_others)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
