/* Options: recipes, files of options, what goes before what; the learning rate over a run. */
#define _POSIX_C_SOURCE 200809L
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char path[] = "test_config.json";

static int clean(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

/* "name=text", several with blanks between, in that order; name alone is a flag. */
static struct vggcl_config config_of(const char *settings) {
    struct vggcl_config config;
    char words[512], *rest = words;
    vggcl_config_init(&config);
    snprintf(words, sizeof words, "%s", settings);
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *text = strchr(word, '=');
        if (text)
            *text++ = '\0';
        if (vggcl_config_set(&config, word, text) != VGGCL_OK)
            fail_msg("%s", vggcl_error());
    }
    return config;
}

static void write_file(const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void what_is_given_goes_before_a_recipe(void **state) {
    (void)state;
    struct vggcl_config seed = config_of(""), fast = config_of("recipe=fast");
    assert_true(fast.nesterov && fast.no_bias_decay && fast.crop > 0 && fast.label_smoothing > 0 && fast.ema > 0);
    assert_true(fast.epochs < seed.epochs && fast.schedule != VGGCL_SCHEDULE_STEP);
    static const char *const orders[] = {"lr=0.25 nesterov=no epochs=7 recipe=fast",
                                         "recipe=fast lr=0.25 nesterov=no epochs=7",
                                         "lr=0.25 recipe=seed recipe=fast nesterov=no epochs=7"};
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        struct vggcl_config mixed = config_of(orders[i]);
        assert_true(mixed.lr == 0.25 && !mixed.nesterov && mixed.epochs == 7 && mixed.crop == fast.crop);
    }
}

/* The default recipe gives back all that another one gave. */
static void recipes_are_taken_back(void **state) {
    (void)state;
    struct vggcl_config seed = config_of(""), back = config_of("recipe=fast recipe=seed");
    char *a = vggcl_config_text(&seed), *b = vggcl_config_text(&back);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

static void a_file_gives_back_every_option(void **state) {
    (void)state;
    static const char *const cases[] = {
        "", "recipe=fast", "recipe=fast lr=0.1234567890123456 ema=0 nesterov=no data=/a/b\"c\\d mem-limit=1536M seed=7",
        "width=0.3333333333333333 no-bn dropout=element conv=im2col storage=half validate=5000 warmup=2.5 tta"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of(cases[i]);
        char *text = vggcl_config_text(&config);
        write_file(text);
        struct vggcl_config read = config_of("config=test_config.json");
        char *again = vggcl_config_text(&read);
        assert_string_equal(again, text);
        assert_true(read.lr == config.lr && read.width == config.width);
        free(text);
        free(again);
    }
}

static void what_is_given_goes_before_a_file(void **state) {
    (void)state;
    write_file("{\"lr\": 1, \"epochs\": 9, \"no-bn\": true}");
    static const char *const orders[] = {"lr=0.5 config=test_config.json", "config=test_config.json lr=0.5"};
    for (size_t i = 0; i < 2; i++) {
        struct vggcl_config config = config_of(orders[i]);
        assert_true(config.lr == 0.5 && config.epochs == 9 && config.no_bn);
    }
}

static void broken_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {{"", "line 1"},
                 {"{\n\"lr\": 1;", "line 2"},
                 {"[1]", "is no JSON object"},
                 {"{\"lr\": 1, \"lr\": 2}", "duplicate"},
                 {"{\"learning-rate\": 1}", "no option --learning-rate"},
                 {"{\"lr\": \"fast\"}", "--lr takes a number"},
                 {"{\"lr\": [1]}", "lr is no text, number, true or false"},
                 {"{\"epochs\": 1.5}", "--epochs takes a whole number"},
                 {"{\"no-bn\": 3}", "--no-bn takes no argument"},
                 {"{\"recipe\": \"slow\"}", "--recipe takes one of seed, fast"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of("");
        write_file(cases[i].text);
        assert_int_equal(vggcl_config_set(&config, "config", path), VGGCL_EFORMAT);
        if (!strstr(vggcl_error(), path) || !strstr(vggcl_error(), cases[i].fault))
            fail_msg("'%s': %s", cases[i].text, vggcl_error());
    }
    struct vggcl_config config = config_of("");
    assert_int_equal(vggcl_config_set(&config, "config", "/nonexistent/config.json"), VGGCL_EIO);
}

/* ------------------------------------------------------------------------------------------------- schedules -- */

static void is_about(double got, double expected) {
    if (fabs(got - expected) > 1e-12)
        fail_msg("%.15g, not %.15g", got, expected);
}

static void steps(void **state) {
    (void)state;
    struct vggcl_config config = config_of("lr=0.4 lr-step=3 lr-gamma=0.1 epochs=10");
    is_about(schedule_lr(&config, 0, 0, 50), 0.4);
    is_about(schedule_lr(&config, 2, 49, 50), 0.4);
    is_about(schedule_lr(&config, 3, 0, 50), 0.04);
    is_about(schedule_lr(&config, 9, 49, 50), 0.4e-3);
}

static void rises_first(void **state) {
    (void)state;
    static const char *const schedules[] = {"schedule=step", "schedule=cosine", "schedule=linear"};
    for (int i = 0; i < 3; i++) {
        struct vggcl_config config = config_of(schedules[i]);
        config.lr = 0.4;
        config.epochs = 10;
        config.warmup = 2.5;
        is_about(schedule_lr(&config, 0, 0, 8), 0.4 / 20);
        is_about(schedule_lr(&config, 1, 1, 8), 0.4 / 2);
        is_about(schedule_lr(&config, 2, 3, 8), 0.4); /* the last one of it */
        is_about(schedule_lr(&config, 2, 4, 8), 0.4); /* where the schedule begins */
        config.warmup = 100;
        assert_true(schedule_lr(&config, 9, 7, 8) < 0.4);
    }
}

/* Half way down in the middle, and nearly 0 at the last step, never below. */
static void falls(void **state) {
    (void)state;
    struct vggcl_config cosine = config_of("lr=0.4 epochs=12 warmup=2 schedule=cosine");
    struct vggcl_config linear = config_of("lr=0.4 epochs=12 warmup=2 schedule=linear");
    is_about(schedule_lr(&cosine, 7, 0, 100), 0.2);
    is_about(schedule_lr(&linear, 7, 0, 100), 0.2);
    is_about(schedule_lr(&linear, 4, 50, 100), 0.3);
    is_about(schedule_lr(&cosine, 4, 50, 100), 0.2 * (1 + sqrt(0.5)));
    is_about(schedule_lr(&linear, 11, 99, 100), 0.4 / 1000);
    assert_true(schedule_lr(&cosine, 11, 99, 100) > 0 && schedule_lr(&cosine, 11, 99, 100) < 1e-5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_goes_before_a_recipe),
        cmocka_unit_test(recipes_are_taken_back),
        cmocka_unit_test_teardown(a_file_gives_back_every_option, clean),
        cmocka_unit_test_teardown(what_is_given_goes_before_a_file, clean),
        cmocka_unit_test_teardown(broken_files, clean),
        cmocka_unit_test(steps),
        cmocka_unit_test(rises_first),
        cmocka_unit_test(falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
