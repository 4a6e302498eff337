/* In a locale with a decimal comma, set with setlocale(), the library reads and writes numbers with a decimal point. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"
#include "vggcl.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *path(const char *name) {
    static char paths[4][256];
    static int next;
    char *text = paths[next++ % 4];
    snprintf(text, sizeof paths[0], "%s/%s", folder, name);
    return text;
}

/* Makes the locale, which few machines have, in the test's folder. */
static int make_locale(void **state) {
    char line[256];
    if (make_folder(state) != 0)
        return -1;
    snprintf(line, sizeof line, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8", folder);
    return system(line) == 0 ? setenv("LOCPATH", folder, 1) : -1;
}

static void comma(void) {
    assert_non_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    assert_string_equal(localeconv()->decimal_point, ",");
}

static void point(void) {
    assert_non_null(setlocale(LC_ALL, "C"));
}

static void set(struct vggcl_config *config, const char *name, const char *text) {
    if (vggcl_config_set(config, name, text) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
}

/* --------------------------------------------------------------------------------------------------- options -- */

static void options_have_points(void **state) {
    (void)state;
    struct vggcl_config config, read;
    char text[64];
    comma();
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    assert_true(config.lr == 0.01);
    set(&config, "lr", "0.125");
    set(&config, "mem-limit", "1.5K");
    assert_true(config.lr == 0.125 && config.mem_limit == 1536);
    vggcl_config_get(&config, "lr", text, sizeof text);
    assert_string_equal(text, "0.125");
    assert_int_equal(vggcl_config_set(&config, "lr", "0,5"), VGGCL_EUSAGE);
    assert_int_equal(vggcl_config_set(&config, "width", "wide"), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "from 0.001953125 to 8"));

    char *json;
    assert_int_equal(vggcl_config_text(&config, &json), VGGCL_OK);
    FILE *file = fopen(path("config.json"), "w");
    fputs(json, file);
    fclose(file);
    vggcl_config_text_free(json);
    assert_int_equal(vggcl_config_init(&read), VGGCL_OK);
    set(&read, "config", path("config.json"));
    assert_true(read.lr == 0.125);
    point();
}

/* -------------------------------------------------------------------------------------------------- training -- */

static void trained(const struct vggcl_finish *finish, void *payload) {
    *(uint64_t *)payload = finish->weights_hash;
}

/* Trains two epochs into the folder name, the last steps resumed in another locale; the weights' hash. */
static uint64_t train(const char *name, const char *gemm, void (*first)(void), void (*then)(void)) {
    static const char *const recipe[][2] = {{"data", "synthetic:60,20"},
                                            {"model", "vgg11"},
                                            {"width", "0.0625"},
                                            {"batch", "16"},
                                            {"lr", "0.05"},
                                            {"epochs", "2"},
                                            {"weight-decay", "0.0005"}};
    struct vggcl_config config;
    uint64_t hash = 0;
    struct vggcl_observer observer = {.finished = trained, .payload = &hash};
    for (int part = 0; part < 2; part++) {
        (part ? then : first)();
        assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
        set(&config, part ? "resume" : "save", path(name));
        set(&config, "log-steps", path("steps.csv"));
        for (size_t i = 0; !part && i < sizeof recipe / sizeof *recipe; i++)
            set(&config, recipe[i][0], recipe[i][1]);
        if (!part) {
            set(&config, "gemm", gemm);
            set(&config, "steps", "6"); /* of 8, and an epoch has 4 */
        }
        if (vggcl_train(&config, &observer) != VGGCL_OK)
            fail_msg("%s", vggcl_error());
    }
    point();
    return hash;
}

static void trains_alike(void **state) {
    (void)state;
    struct vggcl_epoch *rows;
    size_t count;
    static const char *const engines[] = {"tiled", "clblast"};
    for (int i = 0; i < 2; i++) {
        uint64_t expected = train("point", engines[i], point, point);
        assert_true(train("comma", engines[i], comma, comma) == expected);
        assert_true(train("mixed", engines[i], comma, point) == expected);
        assert_true(train("mixed2", engines[i], point, comma) == expected);
        assert_int_equal(vggcl_history(path("comma"), &rows, &count), VGGCL_OK);
        assert_true(count == 2 && rows[1].weights_hash == expected && rows[0].lr == 0.05);
        vggcl_history_free(rows);
    }
    comma();
    assert_int_equal(vggcl_history(path("point"), &rows, &count), VGGCL_OK);
    assert_true(count == 2 && rows[0].lr == 0.05);
    vggcl_history_free(rows);
    point();
    unsetenv("LOCPATH"); /* with it glibc's newlocale() leaks a few bytes */
    assert_int_equal(vggcl("version; cat steps.csv; cut -d, -f1-6 comma/accuracy.csv"), 0);
    assert_says("\n5,2,0.05,");
    assert_null(strstr(output, "0,05"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(options_have_points), cmocka_unit_test(trains_alike)};
    return cmocka_run_group_tests(tests, make_locale, remove_folder);
}
