/* vggcl selfcheck, and the selfcheck before training: deliberately wrong kernels are reported and stop the training. */
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
#include <unistd.h>

#define NETWORK "--model vgg11 --width 0.03125 --batch 2"

/* What --json printed: the error's line may stand behind it, and before it what a driver that builds kernels says. */
static json_t *report(void) {
    return json_loads(strchr(output, '{'), JSON_DISABLE_EOF_CHECK, NULL);
}

static void healthy(void **state) {
    (void)state;
    assert_int_equal(vggcl("selfcheck --quick " NETWORK), 0);
    assert_says(" 0 failed");
    assert_int_equal(vggcl("selfcheck --quick --json " NETWORK ""), 0);
    json_t *all = report(), *rows = json_object_get(all, "rows");
    assert_true(json_is_true(json_object_get(all, "passed")));
    assert_int_equal(json_integer_value(json_object_get(all, "checks")), json_array_size(rows));
    assert_true(json_array_size(rows) > 50);
    json_decref(all);
}

/* As PoCL plays a device of small work-groups; other drivers do not look at the variable. */
static void small_groups(void **state) {
    (void)state;
    assert_int_equal(
        vggcl("version; POCL_MAX_WORK_GROUP_SIZE=6 %s selfcheck --quick --gemm tiled " NETWORK, VGGCL_PROGRAM), 0);
    assert_says(" 0 failed");
}

/* The name of the device that an empty --device takes. */
static const char *default_device(void) {
    static char name[256];
    assert_int_equal(vggcl("devices --json"), 0);
    json_t *all = json_loads(output, 0, NULL), *device;
    size_t i;
    json_array_foreach(json_object_get(all, "devices"), i, device) if (json_is_true(json_object_get(device, "default")))
        snprintf(name, sizeof name, "%s", json_string_value(json_object_get(device, "name")));
    json_decref(all);
    return name;
}

/* What each names: the kernel, an element with what was expected of it; and the device with its driver. */
static void broken(void **state) {
    (void)state;
    static const struct {
        const char *file, *command, *kernel, *element;
    } cases[] = {
        {"gemm.cl", "s/k < depth; k++/k < depth - 1; k++/", "(gemm/gemm) of ", ": c["},
        {"winograd_transform.cl", "s/o\\[0\\] = 4 \\* d\\[0\\]/o[0] = 5 * d[0]/", "(winograd/winograd_input) of ",
         ": points["},
        {"activation.cl", "s/CHOOSE(value < 0, 0, value)/CHOOSE(value < 0, -value, value)/",
         "(activation/activation_forward) of ", ": y["},
        {"bn.cl", "s/m += difference/m -= difference/", "(bn/bn_partial, bn_finish, average/average_move) of ", "]"},
        {"channel.cl", "s/i < rows \\* blocks/i <= rows * blocks/", "(channel/broadcast) of ", "a kernel wrote "},
    };
    const char *device = default_device();
    assert_true(strlen(device) > 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        break_kernel(cases[i].file, cases[i].command);
        assert_int_equal(vggcl("selfcheck --quick --conv winograd4 --kernel-dir kernels " NETWORK), 1);
        const char *error = strstr(output, "vggcl: error: ");
        assert_non_null(error);
        assert_non_null(strstr(error, device));
        assert_non_null(strstr(error, " (driver "));
        assert_non_null(strstr(error, " gives wrong results: "));
        assert_non_null(strstr(error, cases[i].kernel));
        assert_non_null(strstr(error, cases[i].element));
        assert_says("WRONG");
    }
    assert_int_equal(vggcl("selfcheck --quick --json --kernel-dir kernels " NETWORK ""), 1);
    json_t *all = report();
    assert_true(json_is_false(json_object_get(all, "passed")));
    assert_true(json_integer_value(json_object_get(all, "failures")) > 0);
    json_decref(all);
}

static void nothing_is_trained(void **state) {
    (void)state;
    char path[256];
    snprintf(path, sizeof path, "%s/refused", folder);
    break_kernel("bn.cl", "s/m += difference/m -= difference/");
    assert_int_equal(vggcl("train --data synthetic:20,10 --epochs 1 --kernel-dir kernels --save refused " NETWORK), 1);
    assert_says("gives wrong results");
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(
        vggcl("train --data synthetic:20,10 --epochs 1 --kernel-dir kernels --save taken --no-selfcheck " NETWORK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(healthy), cmocka_unit_test(small_groups),
                                       cmocka_unit_test(broken), cmocka_unit_test(nothing_is_trained)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
