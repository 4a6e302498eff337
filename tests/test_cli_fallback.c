/* Kernels that give wrong results: train, bench and tune use right ones instead where there are any, and say so. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETWORK "--model 16,M,16,M --batch 4 "
#define TRAIN   "train --data synthetic:20,10 --no-dropout --steps 2 " NETWORK
#define BROKEN  "--kernel-dir kernels "

#define assert_silent(text) assert_null(strstr(output, (text)))

static bool exists(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* The loss of the first step, from a file of --log-steps. */
static double first_loss(const char *name) {
    char path[256], line[256] = "";
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    double loss = NAN;
    assert_non_null(file);
    assert_true(fgets(line, sizeof line, file) && fgets(line, sizeof line, file));
    assert_int_equal(sscanf(line, "%*d,%*d,%*f,%lf", &loss), 1);
    fclose(file);
    return loss;
}

static void assert_right_loss(const char *name) {
    double expected = first_loss("right.csv"), got = first_loss(name);
    if (!(fabs(got - expected) < 1e-4 * expected))
        fail_msg("the loss is %.9g, not %.9g", got, expected);
}

/* The number behind a text in the output. */
static double number_after(const char *text) {
    const char *at = strstr(output, text);
    assert_non_null(at);
    return atof(at + strlen(text));
}

static void right_kernels(void **state) {
    (void)state;
    assert_int_equal(vggcl(TRAIN "--conv im2col --save right --log-steps right.csv"), 0);
    assert_silent("wrong");
}

static void break_winograd4(void) {
    break_kernel("winograd_transform.cl", "s/o\\[0\\] = 4 \\* d\\[0\\]/o[0] = 5 * d[0]/");
}

/* The first run says so loudly; the next ones avoid the algorithm from the start, and only mention it. */
static void wrong_algorithm(void **state) {
    (void)state;
    char hash[17];
    break_winograd4();
    assert_int_equal(vggcl(TRAIN BROKEN "--conv winograd4 --save a --log-steps a.csv"), 0);
    assert_says("vggcl: warning: ");
    assert_says(" (driver ");
    assert_says(" gives wrong results: input transform, winograd4 (winograd/winograd_input) of 2x32x32x3: points[");
    assert_says("; used instead: ");
    assert_says("; not used, because of wrong results: winograd4 forward");
    assert_says("\nwithout  winograd4 forward");
    assert_right_loss("a.csv");
    strcpy(hash, weights_hash());

    assert_int_equal(vggcl(TRAIN BROKEN "--conv winograd4 --save b"), 0);
    assert_silent("warning: ");
    assert_says("; not used, because of wrong results: winograd4 forward");
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("plan " BROKEN NETWORK), 0);
    assert_says("\nnot used: winograd4 forward");
    assert_int_equal(vggcl("eval --data synthetic:20,10 --weights b/last.safetensors " BROKEN), 0);
    assert_silent("warning: ");
    assert_int_equal(vggcl("train --resume b --steps 4 " BROKEN), 0);
    assert_silent("warning: ");
    assert_says("\ntuning   profile of the resumed run; not used, because of wrong results: winograd4 forward");
}

/* What is known of some kernels says nothing about others, and an explicit wish is checked afresh. */
static void asked_for(void **state) {
    (void)state;
    assert_int_equal(vggcl("plan " NETWORK), 0);
    assert_silent("not used");
    assert_fails(1, "gives wrong results: input transform, winograd4 ",
                 TRAIN BROKEN "--conv winograd4 --strict --save strict");
    assert_false(exists("strict"));
    assert_int_equal(vggcl("selfcheck --quick --conv winograd4 " BROKEN NETWORK), 1);
}

/* Two equal devices use the same method: the weights of one device with micro-batches of that size. */
static void two_devices(void **state) {
    (void)state;
    char hash[17];
    assert_int_equal(vggcl(TRAIN BROKEN "--conv winograd4 --profile none --no-bn --micro-batch 2 --save one"), 0);
    assert_says("warning: ");
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(TRAIN BROKEN "--conv winograd4 --profile none --no-bn --device portable/2 --save two"), 0);
    assert_says("warning: ");
    assert_string_equal(weights_hash(), hash);
}

static void resumed_with_another(void **state) {
    (void)state;
    assert_int_equal(vggcl(TRAIN "--conv winograd4 --save c"), 0);
    assert_int_equal(vggcl("train --resume c --steps 4 " BROKEN), 0);
    assert_says("gives wrong results: ");
    assert_says("vggcl: warning: the run goes on with another method than before");
}

/* On a device without a stored profile of these kernels, once. */
static void evaluates(void **state) {
    (void)state;
    break_kernel("winograd_transform.cl", "s/o\\[0\\] = 4 \\* d\\[0\\]/o[0] = 6 * d[0]/");
    assert_int_equal(vggcl("eval --data synthetic:20,10 --weights c/last.safetensors --conv winograd4"), 0);
    double right = number_after("loss ");
    assert_fails(1, "gives wrong results: ",
                 "eval --data synthetic:20,10 --weights c/last.safetensors --conv winograd4 --strict " BROKEN);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vggcl("eval --data synthetic:20,10 --weights c/last.safetensors --conv winograd4 " BROKEN), 0);
        assert_true(fabs(number_after("loss ") - right) < 1e-3);
        assert_int_equal(strstr(output, "vggcl: warning: ") != NULL, i == 0);
    }
}

static void benchmarks(void **state) {
    (void)state;
    assert_int_equal(vggcl("bench --steps 1 --layers --profile none " BROKEN NETWORK), 0);
    assert_says("vggcl: warning: ");
    assert_says("; used instead: ");
    assert_says("; not used, because of wrong results: winograd4");
    const char *table = strstr(output, "algorithm\n");
    assert_non_null(table);
    assert_null(strstr(table, "winograd4"));
    assert_fails(1, "gives wrong results", "bench --steps 1 --profile none --strict " BROKEN NETWORK);
    assert_int_equal(vggcl("plan --profile none " BROKEN NETWORK), 0); /* nothing is stored for the rules alone */
    assert_silent("not used");
}

/* Neither as the method before nor as the one after. */
static void tunes(void **state) {
    (void)state;
    assert_int_equal(vggcl("tune --budget 4 --gemm tiled --export tuned.json --json " BROKEN NETWORK), 0);
    assert_says("vggcl: warning: ");
    json_t *all = json_loads(strchr(output, '{'), JSON_DISABLE_EOF_CHECK, NULL), *row;
    size_t i;
    assert_true(json_array_size(json_object_get(all, "rows")) > 0);
    json_array_foreach(json_object_get(all, "rows"), i, row) {
        static const char *const sides[] = {"before", "after"};
        for (int k = 0; k < 2; k++)
            assert_null(
                strstr(json_string_value(json_object_get(json_object_get(row, sides[k]), "algorithm")), "winograd4"));
    }
    json_decref(all);
    assert_int_equal(vggcl("plan --profile tuned.json " BROKEN NETWORK), 0);
    assert_says("\nnot used: winograd4");
    assert_fails(1, "gives wrong results", "tune --budget 4 --gemm tiled --strict " BROKEN NETWORK);
}

static void wrong_tile(void **state) {
    (void)state;
    break_kernel("gemm.cl", "s/k < depth; k++/k < depth - 1; k++/");
    assert_int_equal(vggcl(TRAIN BROKEN "--conv im2col --gemm tiled --save d --log-steps d.csv"), 0);
    assert_says(" (gemm/gemm) of ");
    assert_says("; used instead: matrix product (local 4x4, ");
    assert_says("\nwithout  matrix product (registers ");
    assert_right_loss("d.csv");

    assert_int_equal(vggcl("tune --budget 2 --gemm tiled " BROKEN NETWORK), 0);
    assert_says("\nbuilt-in    local 4x4, ");
    assert_says("\ntransposed  local 4x4, ");
}

/* A single implementation. */
static void no_other(void **state) {
    (void)state;
    break_kernel("bn.cl", "s/m += difference/m -= difference/");
    assert_fails(1, " (bn/bn_partial, bn_finish, average/average_move) of ", TRAIN BROKEN "--conv im2col --save e");
    assert_false(exists("e"));
    assert_fails(1, " (bn/bn_partial, ", "bench --steps 1 --conv im2col " BROKEN NETWORK);
    assert_fails(1, " (bn/bn_partial, ", "tune --budget 4 --gemm tiled " BROKEN NETWORK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_kernels),
        cmocka_unit_test(wrong_algorithm),
        cmocka_unit_test(asked_for),
        cmocka_unit_test(two_devices),
        cmocka_unit_test(resumed_with_another),
        cmocka_unit_test(evaluates),
        cmocka_unit_test(benchmarks),
        cmocka_unit_test(tunes),
        cmocka_unit_test(wrong_tile),
        cmocka_unit_test(no_other),
    };
    return cmocka_run_group_tests(tests, make_folder_and_profiles, remove_folder_and_profiles);
}
