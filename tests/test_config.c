/* Options: recipes, config files and their precedence, choices; learning-rate schedules. */
#define _POSIX_C_SOURCE 200809L
#include "ops/optimisers/optimiser.h"
#include "options/options.h"
#include "nets/model.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"
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

static const char path[] = "test_config.json", other_path[] = "test_config_2.json";

static int clean(void **state) {
    (void)state;
    unlink(path);
    unlink(other_path);
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

static char *text_of(const struct vggcl_config *config) {
    char *text;
    assert_int_equal(vggcl_config_text(config, &text), VGGCL_OK);
    return text;
}

static void write_file(const char *path, const char *text) {
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
    static const char *const pairs[][2] = {{"", "recipe=fast recipe=seed"},
                                           {"", "recipe=finetune recipe=seed"},
                                           {"recipe=fast", "recipe=finetune recipe=fast"},
                                           {"recipe=fast", "recipe=quick recipe=fast"},
                                           {"recipe=finetune", "recipe=fast recipe=finetune"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct vggcl_config one = config_of(pairs[i][0]), back = config_of(pairs[i][1]);
        char *a = text_of(&one), *b = text_of(&back);
        assert_string_equal(a, b);
        vggcl_config_text_free(a);
        vggcl_config_text_free(b);
    }
}

static void a_file_gives_back_every_option(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "recipe=quick",
        "recipe=fast",
        "recipe=finetune",
        "recipe=fast lr=0.1234567890123456 ema=0 nesterov=no data=/a/b\"c\\d mem-limit=1536M seed=7",
        "width=0.3333333333333333 no-bn dropout=element conv=im2col storage=half validate=5000 warmup=2.5 tta"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of(cases[i]);
        char *text = text_of(&config);
        write_file(path, text);
        struct vggcl_config read = config_of("config=test_config.json");
        char *again = text_of(&read);
        assert_string_equal(again, text);
        assert_true(read.lr == config.lr && read.width == config.width);
        vggcl_config_text_free(text);
        vggcl_config_text_free(again);
    }
}

static void what_is_given_goes_before_a_file(void **state) {
    (void)state;
    write_file(path, "{\"lr\": 1, \"epochs\": 9, \"no-bn\": true}");
    static const char *const orders[] = {"lr=0.5 config=test_config.json", "config=test_config.json lr=0.5"};
    for (size_t i = 0; i < 2; i++) {
        struct vggcl_config config = config_of(orders[i]);
        assert_true(config.lr == 0.5 && config.epochs == 9 && config.no_bn);
    }
}

/* The names of the list are those of the optimisers, and what they say of themselves exists. */
static void optimisers_are_a_table(void **state) {
    (void)state;
    int count = 0;
    for (; optimisers[count]; count++) {
        const struct optimiser *o = optimisers[count];
        struct vggcl_config config = config_of("");
        char value[64];
        assert_string_equal(optimiser_names[count], o->name);
        assert_in_range(o->state_count, 0, OPTIMISER_STATES);
        assert_true(o->memory && o->describe && o->step && o->reference && o->roundings > 0);
        for (int k = 0; k < o->state_count; k++)
            assert_non_null(o->states[k]);
        for (int k = 0; o->options[k]; k++) {
            vggcl_config_get(&config, o->options[k], value, sizeof value);
            assert_int_equal(vggcl_config_set(&config, o->options[k], value), VGGCL_OK);
        }
        assert_int_equal(vggcl_config_set(&config, "optimizer", o->name), VGGCL_OK);
        assert_ptr_equal(optimisers[config.optimizer], o);
    }
    assert_null(optimiser_names[count]);
    assert_true(count > 1);
}

/* A state of two options: it is from before there was --optimizer. */
static const char *old_state(const void *file, const char *key) {
    (void)file;
    return strcmp(key, "momentum") == 0 ? "0.8" : strcmp(key, "lr") == 0 ? "0.5" : NULL;
}

static void an_older_state_has_the_defaults(void **state) {
    (void)state;
    static const struct {
        const char *given, *fault;
    } cases[] = {{"", NULL},
                 {"momentum=0.8", NULL},
                 {"optimizer=sgd", NULL},
                 {"nesterov", NULL},
                 {"optimizer=adamw", "optimizer adamw contradicts the run in old, which has sgd"},
                 {"momentum=0.7", "momentum 0.7 contradicts"},
                 {"beta1=0.9", "beta1: is an option of the optimizer adamw"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of(cases[i].given), stored;
        enum vggcl_err err = config_resume(&config, old_state, NULL, "old", &stored);
        assert_int_equal(err, cases[i].fault ? VGGCL_EUSAGE : VGGCL_OK);
        if (cases[i].fault && !strstr(vggcl_error(), cases[i].fault))
            fail_msg("'%s': %s", cases[i].given, vggcl_error());
        assert_true(cases[i].fault || (config.momentum == 0.8 && config.lr == 0.5 && stored.momentum == 0.8));
    }
}

/* One option's own value overrides the file's recipe, which overrides the file that it includes: in any order. */
static void the_order_in_a_file_changes_nothing(void **state) {
    (void)state;
    static const char *const files[] = {"{\"lr\": 0.25, \"recipe\": \"fast\", \"config\": \"test_config_2.json\"}",
                                        "{\"config\": \"test_config_2.json\", \"recipe\": \"fast\", \"lr\": 0.25}",
                                        "{\"recipe\": \"fast\", \"lr\": 0.25, \"config\": \"test_config_2.json\"}"};
    struct vggcl_config fast = config_of("recipe=fast");
    write_file(other_path, "{\"lr\": 3, \"epochs\": 77, \"width\": 0.5, \"recipe\": \"seed\"}");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(path, files[i]);
        struct vggcl_config config = config_of("config=test_config.json");
        assert_true(config.lr == 0.25 && config.width == 0.5 && config.crop == fast.crop);
        assert_true(config.epochs == fast.epochs && config.recipe == fast.recipe);
        assert_null(memchr(config.given, true, sizeof config.given));
    }
}

static void files_that_include_themselves(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"{\"config\": \"test_config.json\"}", "{}"},
        {"{\"config\": \"./test_config.json\"}", "{}"},
        {"{\"config\": \"test_config_2.json\"}", "{\"lr\": 1, \"config\": \"test_config.json\"}"},
        {"{\"config\": \"test_config_2.json\"}", "{\"config\": \"test_config_2.json\"}"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of("");
        write_file(path, cases[i][0]);
        write_file(other_path, cases[i][1]);
        assert_int_equal(vggcl_config_set(&config, "config", path), VGGCL_EFORMAT);
        if (!strstr(vggcl_error(), "includes itself") || !strstr(vggcl_error(), path))
            fail_msg("case %zu: %s", i, vggcl_error());
    }
}

/* Whole numbers of 64 bits are kept exactly, or refused with the exact range. */
static void whole_numbers_are_exact(void **state) {
    (void)state;
    static const char *const seeds[] = {"0", "9007199254740993", "9223372036854775807"};
    static const struct {
        const char *name, *text, *fault;
    } wrong[] = {{"seed", "9223372036854775808", "from 0 to 9223372036854775807"},
                 {"seed", "18446744073709551615", "from 0 to 9223372036854775807"},
                 {"seed", "-1", "from 0 to 9223372036854775807"},
                 {"steps", "9007199254740993", "from 0 to 9007199254740992"},
                 {"mem-limit", "9007199254740993", "at most 9007199254740991"}};
    static const char *const files[] = {"{\"seed\": 9007199254740993.0}", "{\"seed\": 9223372036854775808}"};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        char setting[64];
        snprintf(setting, sizeof setting, "seed=%s", seeds[i]);
        struct vggcl_config config = config_of(setting);
        char *text = text_of(&config);
        write_file(path, text);
        struct vggcl_config read = config_of("config=test_config.json");
        assert_true(config.seed == strtoull(seeds[i], NULL, 10) && read.seed == config.seed);
        vggcl_config_text_free(text);
    }
    struct vggcl_config config = config_of("");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(vggcl_config_set(&config, wrong[i].name, wrong[i].text), VGGCL_EUSAGE);
        if (!strstr(vggcl_error(), wrong[i].fault))
            fail_msg("%s %s: %s", wrong[i].name, wrong[i].text, vggcl_error());
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(path, files[i]);
        assert_int_equal(vggcl_config_set(&config, "config", path), VGGCL_EFORMAT);
    }
    assert_true(config.seed == 0);
}

/* A chain of files without a circle. */
static void files_that_include_many(void **state) {
    (void)state;
    enum { FILES = 10 };
    char name[64], text[96];
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "test_config_chain_%d.json", i);
        snprintf(text, sizeof text, i + 1 < FILES ? "{\"config\": \"test_config_chain_%d.json\"}" : "{}", i + 1);
        write_file(name, text);
    }
    struct vggcl_config config = config_of("config=test_config_chain_2.json"); /* 8 files */
    assert_int_equal(vggcl_config_set(&config, "config", "test_config_chain_1.json"), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "config test_config_chain_9.json: is more than 8 files deep"));
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "test_config_chain_%d.json", i);
        unlink(name);
    }
}

static bool is_one_of(const char *name, const char *const *names) {
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names;
}

/* What is written and which code runs is not for a file to say, nor for the file that it includes. Every option that
 * is a text belongs to one of the lists: a new one needs a decision. */
static void files_name_nothing_to_write_or_run(void **state) {
    (void)state;
    static const char *const refused[] = {"save", "resume", "log-steps", "tensorboard", "kernel-dir", NULL};
    static const char *const taken[] = {"data", "device", "device-split", "weights", "profile", NULL};
    size_t count, walked = 0;
    const struct vggcl_option *options = vggcl_options(&count);
    for (const struct vggcl_option *o = options; o < options + count; o++) {
        bool marked = o->flags & VGGCL_NOT_IN_FILES, text = o->kind == VGGCL_TEXT || o->kind == VGGCL_LIST;
        assert_int_equal(marked, is_one_of(o->name, refused));
        assert_int_equal(text && !marked, is_one_of(o->name, taken));
        if (!marked)
            continue;
        assert_false(o->flags & VGGCL_STORED); /* a checkpoint and its config.json may come from others too */
        char file[128], value[VGGCL_PATH_MAX];
        snprintf(file, sizeof file, "{\"lr\": 1, \"%s\": \"victim\"}", o->name);
        write_file(path, file);
        write_file(other_path, "{\"config\": \"test_config.json\"}");
        for (int included = 0; included < 2; included++) {
            struct vggcl_config config = config_of("");
            assert_int_equal(vggcl_config_set(&config, "config", included ? other_path : path), VGGCL_EFORMAT);
            snprintf(file, sizeof file, "%s: %s: is not taken from a file", path, o->name);
            assert_non_null(strstr(vggcl_error(), file));
            vggcl_config_get(&config, o->name, value, sizeof value);
            assert_string_equal(value, o->value);
        }
        walked++;
    }
    assert_int_equal(walked, 5);
}

static void broken_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *fault;
    } cases[] = {{"", "line 1"},
                 {"{\n\"lr\": 1;", "line 2"},
                 {"[1]", "is not a JSON object"},
                 {"{\"lr\": 1, \"lr\": 2}", "duplicate"},
                 {"{\"learning-rate\": 1}", "no option learning-rate"},
                 {"{\"lr\": \"fast\"}", "lr: takes a number"},
                 {"{\"lr\": [1]}", "the value of lr is not a text, a number"},
                 {"{\"epochs\": 1.5}", "epochs: takes a whole number"},
                 {"{\"no-bn\": 3}", "no-bn: takes no argument"},
                 {"{\"recipe\": \"slow\"}", "recipe: takes one of seed, quick, fast, best, finetune"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vggcl_config config = config_of("");
        write_file(path, cases[i].text);
        assert_int_equal(vggcl_config_set(&config, "config", path), VGGCL_EFORMAT);
        if (!strstr(vggcl_error(), path) || !strstr(vggcl_error(), cases[i].fault))
            fail_msg("'%s': %s", cases[i].text, vggcl_error());
    }
    struct vggcl_config config = config_of("");
    assert_int_equal(vggcl_config_set(&config, "config", "/nonexistent/config.json"), VGGCL_EIO);
}

/* ---------------------------------------------------------------------------------------------------- choices -- */

static const struct vggcl_option *option_of(const char *name) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    fail_msg("there is no option %s", name);
    return NULL;
}

static void choices_are_the_registries(void **state) {
    (void)state;
    const struct vggcl_option *conv = option_of("conv"), *model = option_of("model"), *gemm = option_of("gemm");
    size_t i;
    assert_string_equal(conv->choices[0], "auto");
    for (i = 0; conv_algorithms[i]; i++)
        assert_string_equal(conv->choices[i + 1], conv_algorithms[i]->name);
    assert_null(conv->choices[i + 1]);
    for (i = 0; models[i]; i++)
        assert_string_equal(model->choices[i], models[i]->name);
    assert_null(model->choices[i]);
    assert_string_equal(gemm->choices[0], "auto");
    for (i = 0; gemm_engines[i]; i++)
        assert_string_equal(gemm->choices[i + 1], gemm_engines[i]->name);
    assert_null(gemm->choices[i + 1]);
}

/* Of every option with choices; and each choice can be set, a recipe with all that it sets. */
static void an_unknown_choice_names_all(void **state) {
    (void)state;
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    for (const struct vggcl_option *o = options; o < options + count; o++) {
        struct vggcl_config config = config_of("");
        if (!o->choices)
            continue;
        assert_int_equal(vggcl_config_set(&config, o->name, "nothing"), VGGCL_EUSAGE);
        for (size_t i = 0; o->choices[i]; i++) {
            char now[64];
            assert_non_null(strstr(vggcl_error(), o->choices[i]));
            assert_int_equal(vggcl_config_set(&config, o->name, o->choices[i]), VGGCL_OK);
            vggcl_config_get(&config, o->name, now, sizeof now);
            assert_string_equal(now, o->choices[i]);
        }
    }
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
        cmocka_unit_test_teardown(the_order_in_a_file_changes_nothing, clean),
        cmocka_unit_test_teardown(files_that_include_themselves, clean),
        cmocka_unit_test(files_that_include_many),
        cmocka_unit_test_teardown(whole_numbers_are_exact, clean),
        cmocka_unit_test_teardown(files_name_nothing_to_write_or_run, clean),
        cmocka_unit_test_teardown(broken_files, clean),
        cmocka_unit_test(choices_are_the_registries),
        cmocka_unit_test(an_unknown_choice_names_all),
        cmocka_unit_test(steps),
        cmocka_unit_test(rises_first),
        cmocka_unit_test(optimisers_are_a_table),
        cmocka_unit_test(an_older_state_has_the_defaults),
        cmocka_unit_test(falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
