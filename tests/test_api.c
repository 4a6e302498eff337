/* The library's public functions: each refuses a configuration with an invalid field, naming the option, before it
 * opens a device; memory that the library allocates is freed by its functions. */
#include "vggcl.h"

#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---------------------------------------------------------------------------------------------- the entry points -- */

static enum vggcl_err train(const struct vggcl_config *config) {
    return vggcl_train(config, NULL);
}

static enum vggcl_err evaluate(const struct vggcl_config *config) {
    struct vggcl_evaluation evaluation;
    return vggcl_evaluate(config, &evaluation);
}

static enum vggcl_err inspect(const struct vggcl_config *config) {
    struct vggcl_inspection inspection;
    return vggcl_inspect(config, 1, 1, &inspection);
}

static enum vggcl_err plan(const struct vggcl_config *config) {
    struct vggcl_plan *plans;
    size_t count = 7;
    enum vggcl_err err = vggcl_plan(config, false, &plans, &count);
    assert_true(err == VGGCL_OK || (!plans && !count));
    vggcl_plans_free(plans);
    return err;
}

static enum vggcl_err bench(const struct vggcl_config *config) {
    struct vggcl_benchmark benchmark;
    enum vggcl_err err = vggcl_bench(config, 1, INFINITY, &benchmark);
    vggcl_benchmark_free(&benchmark);
    return err;
}

static enum vggcl_err start_time(const struct vggcl_config *config) {
    double seconds;
    return vggcl_start_time(config, &seconds);
}

static enum vggcl_err tune(const struct vggcl_config *config) {
    struct vggcl_tuning tuning;
    enum vggcl_err err = vggcl_tune(config, 1, NULL, &tuning, NULL, NULL);
    vggcl_tuning_free(&tuning);
    return err;
}

static enum vggcl_err selfcheck(const struct vggcl_config *config) {
    struct vggcl_selfcheck result;
    return vggcl_run_selfcheck(config, &(struct vggcl_selfcheck_run){.quick = true}, &result);
}

static enum vggcl_err first_losses(const struct vggcl_config *config) {
    struct vggcl_loss loss;
    return vggcl_first_losses(config, 1, &loss);
}

static enum vggcl_err export_onnx(const struct vggcl_config *config) {
    return vggcl_export_onnx(config, "network.onnx", &(struct vggcl_onnx){0}, NULL);
}

static enum vggcl_err config_text(const struct vggcl_config *config) {
    char *text;
    enum vggcl_err err = vggcl_config_text(config, &text);
    assert_true((err == VGGCL_OK) == (text != NULL));
    vggcl_config_text_free(text);
    return err;
}

static const struct {
    const char *name;
    enum vggcl_err (*call)(const struct vggcl_config *config);
} entries[] = {{"train", train},
               {"evaluate", evaluate},
               {"inspect", inspect},
               {"plan", plan},
               {"bench", bench},
               {"start_time", start_time},
               {"tune", tune},
               {"run_selfcheck", selfcheck},
               {"first_losses", first_losses},
               {"export_onnx", export_onnx},
               {"config_text", config_text}};
enum { ENTRIES = sizeof entries / sizeof *entries };

/* That each of them refuses the configuration, with a text that begins with the option's name. */
static void all_refuse(const struct vggcl_config *config, const char *option) {
    for (int i = 0; i < ENTRIES; i++) {
        enum vggcl_err err = entries[i].call(config);
        const char *text = vggcl_error();
        if (err != VGGCL_EUSAGE || strncmp(text, option, strlen(option)) != 0 || text[strlen(option)] != ':')
            fail_msg("vggcl_%s() with a wrong %s returns %d: %s", entries[i].name, option, err, text);
    }
}

/* ------------------------------------------------------------------------------------------------- wrong fields -- */

/* Values that no option of a kind takes; turn counts them, and false is returned behind the last. */
static bool spoil(const struct vggcl_option *o, struct vggcl_config *config, int turn) {
    char *field = (char *)config + o->offset;
    const double reals[] = {NAN, INFINITY, -INFINITY, nextafter(o->minimum, -INFINITY),
                            nextafter(o->maximum, INFINITY)};
    const int64_t wholes[] = {(int64_t)o->minimum - 1, o->maximum < 0x1p62 ? 2 * (int64_t)o->maximum : INT64_MIN};
    int choices = 0;
    while (o->choices && o->choices[choices])
        choices++;
    const int positions[] = {-1, choices, 1 << 30};
    const struct vggcl_shape shapes[] = {{7, 32, 3}, {32, 257, 3}, {32, 32, 2}, {-32, 32, 1}, {INT_MIN, INT_MIN, 3}};
    switch (o->kind) {
    case VGGCL_FLAG:
        memset(field, 7, sizeof(bool));
        return turn < 1;
    case VGGCL_WHOLE:
        *(int *)field = (int)wholes[turn % 2];
        return turn < 2;
    case VGGCL_WHOLE64:
        *(int64_t *)field = wholes[turn % 2];
        return turn < 2;
    case VGGCL_SIZE:
        *(uint64_t *)field = turn ? UINT64_MAX : UINT64_C(1) << 54;
        return turn < 2;
    case VGGCL_SHAPE:
        *(struct vggcl_shape *)field = shapes[turn % 5];
        return turn < 5;
    case VGGCL_REAL:
        *(double *)field = reals[turn % 5];
        return turn < 5;
    case VGGCL_TEXT:
    case VGGCL_LIST:
    case VGGCL_MODEL:
        memset(field, 'x', (size_t)o->maximum); /* without a NUL */
        return turn < 1;
    case VGGCL_CHOICE:
    case VGGCL_RECIPE:
        *(int *)field = positions[turn % 3];
        return turn < 3;
    case VGGCL_INCLUDE:
        break;
    }
    return false;
}

static void wrong_fields_are_refused(void **state) {
    (void)state;
    size_t count;
    int spoilt = 0;
    const struct vggcl_option *options = vggcl_options(&count);
    for (const struct vggcl_option *o = options; o < options + count; o++) {
        struct vggcl_config config;
        for (int turn = 0;; turn++) {
            assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
            if (!spoil(o, &config, turn))
                break;
            all_refuse(&config, o->name);
            spoilt++;
        }
    }
    assert_true(spoilt > (int)count);
}

/* The text names what the option takes, and is not cut, whatever there is of it. */
static void texts_say_what_an_option_takes(void **state) {
    (void)state;
    struct vggcl_config config;
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    config.epochs = -5;
    assert_int_equal(vggcl_train(&config, NULL), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), "epochs: takes a whole number from 1 to 1000000, not '-5'");
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    config.schedule = 7;
    assert_int_equal(vggcl_train(&config, NULL), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), "schedule: takes one of step, cosine, linear, not 'position 7'");
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    strcpy(config.model, "vgg7");
    assert_int_equal(vggcl_train(&config, NULL), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(),
                        "model: takes one of vgg11, vgg13, vgg16, vgg19, or a list of numbers of channels "
                        "and M, such as 64,64,M,128,128,M, not 'vgg7'");
}

/* Also of a struct that is wrong, or an option that does not exist. */
static void get_is_safe(void **state) {
    (void)state;
    struct vggcl_config config;
    char text[32] = "before";
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    config.schedule = 7;
    memset(config.save, 'x', sizeof config.save);
    vggcl_config_get(&config, "schedule", text, sizeof text);
    assert_string_equal(text, "");
    vggcl_config_get(&config, "save", text, sizeof text);
    assert_int_equal(strlen(text), sizeof text - 1);
    vggcl_config_get(&config, "wings", text, sizeof text);
    assert_string_equal(text, "");
}

static void wrong_arguments(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_benchmark benchmark;
    struct vggcl_tuning tuning;
    struct vggcl_loss loss;
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    assert_int_equal(vggcl_bench(&config, 0, INFINITY, &benchmark), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "steps"));
    assert_int_equal(vggcl_first_losses(&config, -1, &loss), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "steps"));
    assert_int_equal(vggcl_tune(&config, NAN, NULL, &tuning, NULL, NULL), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "budget"));
    assert_int_equal(vggcl_config_set(&config, "wings", "2"), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), "there is no option wings");
    assert_int_equal(vggcl_config_set(&config, "lr", NULL), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), "lr: needs an argument, F");
}

/* ------------------------------------------------------------------------------------------------------- memory -- */

static void null_is_freed(void **state) {
    (void)state;
    vggcl_devices_free(NULL);
    vggcl_platforms_free(NULL);
    vggcl_plans_free(NULL);
    vggcl_history_free(NULL);
    vggcl_config_text_free(NULL);
    vggcl_benchmark_free(NULL);
    vggcl_tuning_free(NULL);
    vggcl_evaluation_free(NULL);
}

/* What was freed may be freed again: its fields are empty then. */
static void contents_are_freed_once(void **state) {
    (void)state;
    struct vggcl_benchmark benchmark = {.layers = calloc(1, sizeof *benchmark.layers)};
    struct vggcl_tuning tuning = {.rows = calloc(1, sizeof *tuning.rows)};
    vggcl_benchmark_free(&benchmark);
    vggcl_tuning_free(&tuning);
    assert_true(!benchmark.layers && !tuning.rows);
    vggcl_benchmark_free(&benchmark);
    vggcl_tuning_free(&tuning);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_fields_are_refused),
        cmocka_unit_test(texts_say_what_an_option_takes),
        cmocka_unit_test(get_is_safe),
        cmocka_unit_test(wrong_arguments),
        cmocka_unit_test(null_is_freed),
        cmocka_unit_test(contents_are_freed_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
