/* Networks for other images and classes than CIFAR-10's, by --shape and --classes: selfcheck, bench, plan, and the
 * first losses, which compare prints. What tune and train measure for them is in test_cli_tune.c. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"
#include "vggcl.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK "--model vgg11 --width 0.03125 --batch 2"
#define GREY    "--shape 28x28x1 --classes 47 "
#define LARGE   "--shape 64x64x3 --classes 100 "

static void selfchecks(void **state) {
    (void)state;
    assert_int_equal(vggcl("selfcheck --quick " GREY NETWORK), 0);
    assert_says(" 0 failed");
    assert_says(" 2x28x28x1 ");
    assert_says(" 2 to 47 ");
    assert_int_equal(vggcl("selfcheck --quick " LARGE NETWORK), 0);
    assert_says(" 0 failed");
    assert_says(" 2x64x64x3 ");
    assert_says(" 2 to 100 ");
}

static json_t *answer(void) {
    json_t *all = json_loads(output, 0, NULL);
    if (!all)
        fail_msg("%s", output);
    return all;
}

static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) {
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

/* Rates are shares of what the same object says of the device's peaks. */
static void assert_peaks(const json_t *all) {
    const json_t *memory = json_object_get(all, "memory_peaks"), *beyond = json_array_get(memory, 3);
    static const char *const rates[] = {"read_bytes_per_s", "write_bytes_per_s", "copy_bytes_per_s"};
    for (int i = 0; i < 3; i++)
        assert_true(number_of(all, rates[i]) > 0 && number_of(all, rates[i]) == number_of(beyond, rates[i]));
    double train = number_of(all, "train_images_per_s"), eval = number_of(all, "eval_images_per_s");
    double operations = train * number_of(all, "train_operations_per_image");
    assert_true(number_of(all, "train_operations_per_image") < number_of(all, "train_flops_per_image"));
    assert_float_equal(number_of(all, "flops_share"), operations / number_of(all, "peak_flops_per_s"), 1e-6);
    assert_float_equal(number_of(all, "train_bound_share"), train / number_of(all, "train_bound_images_per_s"), 1e-6);
    assert_float_equal(number_of(all, "eval_bound_share"), eval / number_of(all, "eval_bound_images_per_s"), 1e-6);
}

static void benchmarks(void **state) {
    (void)state;
    assert_int_equal(vggcl("bench --steps 1 --json " LARGE NETWORK), 0);
    json_t *all = answer(), *layers = json_object_get(all, "layers");
    assert_string_equal(text_of(all, "shape"), "64x64x3");
    assert_true(number_of(all, "classes") == 100);
    assert_int_equal(json_array_size(layers), 20);
    const json_t *first = json_array_get(layers, 0), *last = json_array_get(layers, 19);
    assert_true(number_of(first, "forward_bytes") ==
                4 * (2 * 64 * 64 * (3 + 2) + 9 * 3 * 2));      /* from 3 channels to 2 */
    assert_true(number_of(last, "flops") == 2 * 2 * 16 * 100); /* from 16 to 100 */
    assert_true(number_of(last, "forward_s") > 0);
    assert_true(number_of(last, "forward_operations") == number_of(last, "flops"));
    assert_true(number_of(last, "weight_gradient_bound_s") > 0);
    assert_string_equal(text_of(json_array_get(layers, 1), "forward_bound"), "memory"); /* it multiplies no matrices */
    assert_true(json_is_null(json_object_get(first, "data_gradient_bound")));
    assert_peaks(all);
    json_decref(all);
    assert_int_equal(vggcl("bench --steps 1 --layers " GREY NETWORK), 0);
    assert_says("images      28x28x1, 47 classes\n");
    assert_says("\nfc2 ");
}

/* The plan that vggcl plan --json prints. */
static json_t *plan(const char *flags) {
    assert_int_equal(vggcl("plan --json " NETWORK " %s", flags), 0);
    return answer();
}

static void plans(void **state) {
    (void)state;
    setenv("VGGCL_CIFAR10", "nowhere", 1);
    json_t *usual = plan(""), *same = plan("--shape 32x32x3 --classes 10"), *large = plan(LARGE);
    json_t *synthetic = plan("--data synthetic:24,10");
    assert_true(json_equal(usual, same));
    assert_string_equal(text_of(large, "shape"), "64x64x3");
    assert_true(number_of(large, "classes") == 100);
    assert_true(number_of(large, "peak_bytes") > 50000.0 * 64 * 64 * 3); /* as many images as CIFAR-10 has */
    assert_true(number_of(usual, "peak_bytes") < 2 * 60000.0 * 32 * 32 * 3);
    assert_string_equal(text_of(synthetic, "shape"), "32x32x3");
    json_decref(usual);
    json_decref(same);
    json_decref(large);
    json_decref(synthetic);
    assert_int_equal(vggcl("plan " GREY NETWORK), 0);
    assert_says("batch 2 of 28x28x1 images, 47 classes, ");
    assert_fails(2, "shape, classes: the data set synthetic has its own", "plan --data synthetic " LARGE NETWORK);
    assert_fails(2, "shape, classes: the data set synthetic has its own", "plan --data synthetic --classes 10");
}

/* A C program may also assign to the fields. */
static void plans_of_fields(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_plan *plans;
    size_t count;
    setenv("VGGCL_CIFAR10", "nowhere", 1);
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    config.width = 1.0 / 32;
    config.shape = (struct vggcl_shape){48, 40, 1};
    assert_int_equal(vggcl_plan(&config, true, &plans, &count), VGGCL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(plans->config.shape.width, 40);
    assert_true(plans->bytes > 10000 * 48 * 40);
    vggcl_plans_free(plans);
}

static void first_losses(void **state) {
    (void)state;
    static const char *const shapes[][2] = {{"28x28x1", "47"}, {"9x13x3", "2"}};
    enum { STEPS = 3 };
    for (size_t i = 0; i < 2; i++) {
        struct vggcl_config config;
        struct vggcl_loss losses[STEPS];
        assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
        config.width = 1.0 / 32;
        config.batch = 4;
        strcpy(config.model, "vgg11");
        assert_int_equal(vggcl_config_set(&config, "shape", shapes[i][0]), VGGCL_OK);
        assert_int_equal(vggcl_config_set(&config, "classes", shapes[i][1]), VGGCL_OK);
        if (vggcl_first_losses(&config, STEPS, losses) != VGGCL_OK)
            fail_msg("%s", vggcl_error());
        assert_true(fabs(losses[0].reference - log(config.classes)) < 0.5);
        for (int k = 0; k < STEPS; k++)
            assert_true(fabs(losses[k].device - losses[k].reference) <= losses[k].tolerance);
    }
}

static void bad_input(void **state) {
    (void)state;
    static const char *const commands[] = {"selfcheck", "bench", "tune", "plan", "compare"};
    static const char *const shapes[] = {
        "",        "64",      "64x64",  "7x64x3",    "64x257x3", "64x64x2",
        "64x64x4", "64x64x0", "64x64x", "64x64x3x1", "-8x8x3",   " 64x64x3",
        "64X64X3", "64x 8x3", "+8x8x3", "8.5x8x3",   "axbxc",    "99999999999999999999x8x3"};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        assert_fails(2,
                     "shape: takes height x width x channels such as 64x48x3, with sides from 8 to 256 pixels and 1 or "
                     "3 channels, not '64x64x2'",
                     "%s --shape 64x64x2", commands[i]);
        assert_fails(2, "classes: takes a whole number from 2 to 65535, not '1'", "%s --classes 1", commands[i]);
    }
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct vggcl_config config;
        assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
        assert_int_equal(vggcl_config_set(&config, "shape", shapes[i]), VGGCL_EUSAGE);
        assert_int_equal(config.shape.height, 32);
    }
    assert_fails(2, "vggcl train takes no '--shape'", "train " LARGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(selfchecks),   cmocka_unit_test(benchmarks),
                                       cmocka_unit_test(plans),        cmocka_unit_test(plans_of_fields),
                                       cmocka_unit_test(first_losses), cmocka_unit_test(bad_input)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
