/* Profile files: written and read back; errors name the wrong entry. Needs no device. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/embedded.h"
#include "ops/conv/conv.h"
#include "ops/conv/direct.h"
#include "ops/conv/im2col.h"
#include "ops/conv/winograd.h"
#include "ops/gemm/clblast.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/gemm_tiled.h"
#include "tune/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct profile example(void) {
    static struct dev cpu = {
        .info = {.type = VGGCL_CPU, .name = "a CPU", .platform_name = "a platform", .driver = "1.2"},
        .vector_width = 16,
    };
    const struct context cpu_context = context_make(&cpu);
    struct profile p = profile_of(&cpu_context);
    p.tuning.tile[false] = (struct gemm_tile){4, 2, 8, 0, 8, 16, 12};
    p.tuning.tile[true] = (struct gemm_tile){7, 3, 8, 14, 0, 0, 0};
    p.tuning.clblast_set = 2;
    p.tuning.conv_words = 12345;
    p.tuning.wrong_count = 3;
    p.tuning.wrong[0] = (struct device_method){.algorithm = &conv_winograd4, .direction = CONV_DATA_GRADIENT};
    p.tuning.wrong[1] = (struct device_method){.engine = &gemm_clblast};
    p.tuning.wrong[2] = (struct device_method){.tile = {5, 2, 8, 0, 8, 16, 12}, .transposed = true};
    p.unmeasured = true;
    p.tuning.conv_count = 2;
    p.tuning.convs[0] =
        (struct tuned_conv){{128, 32, 16, 3, 64}, {{&conv_direct, &gemm_tiled}, {NULL, NULL}}, matrix_find("plain")};
    p.tuning.convs[1] = (struct tuned_conv){
        {64, 2, 2, 512, 512},
        {{&conv_winograd2, &gemm_clblast}, {&conv_winograd4, &gemm_tiled}, {&conv_im2col, &gemm_tiled}},
        matrix_find("plain")};
    return p;
}

static void reads_what_it_writes(void **state) {
    (void)state;
    struct profile p = example(), again;
    strcpy(p.match_platform, "some platform");
    p.match_width = 8;
    char *text = profile_text(&p), *second;
    assert_non_null(text);
    assert_int_equal(profile_parse(text, strlen(text), "it", &again), VGGCL_OK);
    second = profile_text(&again);
    assert_string_equal(text, second);
    assert_string_equal(again.device, "a CPU");
    assert_string_equal(again.match_platform, "some platform");
    assert_int_equal(again.match_width, 8);
    assert_int_equal(again.tuning.conv_words, 12345);
    assert_int_equal(again.tuning.clblast_set, 2);
    assert_int_equal(again.tuning.tile[false].group_columns, 16);
    assert_int_equal(again.tuning.tile[true].panel, 14);
    assert_int_equal(again.tuning.conv_count, 2);
    assert_null(again.tuning.convs[0].methods[CONV_DATA_GRADIENT].algorithm);
    assert_ptr_equal(again.tuning.convs[1].methods[CONV_DATA_GRADIENT].algorithm, &conv_winograd4);
    assert_int_equal(again.tuning.convs[1].methods[CONV_FORWARD].engine, &gemm_clblast);
    assert_true(again.unmeasured);
    assert_int_equal(again.tuning.wrong_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(tuning_is_wrong(&again.tuning, &p.tuning.wrong[i]));
    free(text);
    free(second);
}

/* The example's text with its first `old` replaced by `new`; the caller's to free. */
static char *changed(const char *old, const char *new) {
    struct profile p = example();
    char *text = profile_text(&p), *at = strstr(text, old), *result;
    assert_non_null(at);
    *at = '\0';
    assert_true(asprintf(&result, "%s%s%s", text, new, at + strlen(old)) > 0);
    free(text);
    return result;
}

static void assert_refused(const char *text, size_t size, const char *entry) {
    struct profile p;
    assert_int_equal(profile_parse(text, size, "profile.json", &p), VGGCL_EFORMAT);
    if (strncmp(vggcl_error(), "profile.json: ", 14) != 0 || !strstr(vggcl_error(), entry))
        fail_msg("'%s' names neither the file nor '%s'", vggcl_error(), entry);
    assert_null(strchr(vggcl_error(), '\n'));
}

static void names_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        const char *old, *new, *entry;
    } cases[] = {
        {"vggcl profile", "another format", "is not a vggcl profile"},
        {"\"version\": 1", "\"version\": 2", "version is 2"},
        {"\"version\": 1", "\"version\": \"1\"", "version is not a whole number"},
        {"\"device\"", "\"devise\"", "'devise'"},
        {"\"driver\": \"1.2\"", "\"driver\": 1.2", "driver is not a text"},
        {"\"rows\": 4", "\"rows\": 99999999999", "gemm: rows is 99999999999"},
        {"\"rows\": 4", "\"rows\": -1", "gemm: rows is -1"},
        {"\"rows\": 4", "\"rows\": 4.5", "gemm: rows is not a whole number"},
        {"\"rows\": 4", "\"rows\": 4, \"rows\": 5", "duplicate"},
        {"\"rows\": 4", "\"more\": 1, \"rows\": 4", "gemm: 'more'"},
        {"\"large\"", "\"huge\"", "unknown clblast_parameters 'huge'"},
        {"12345", "1", "conv_words"},
        {"12345", "9223372036854775807", "conv_words"},
        {"12345", "1e300", "conv_words"},
        {"\"h\": 32", "\"h\": 0", "convolutions[0]: h is 0"},
        {"\"h\": 32", "\"h\": 1000000", "convolutions[0]: h is 1000000"},
        {"\"direct\"", "\"fft\"", "convolutions[0].forward: unknown algorithm 'fft'"},
        {"\"plain\"", "\"fpga\"", "convolutions[0]: unknown matrix 'fpga'"},
        {"\"plain\"", "1", "convolutions[0]: unknown matrix ''"},
        {"\"engine\": \"clblast\"", "\"engine\": \"auto\"", "convolutions[1].forward: unknown engine 'auto'"},
        {"\"engine\": \"clblast\"", "\"engine\": null", "convolutions[1].forward: engine is not a text"},
        {"\"weight_gradient\"", "\"gradient\"", "convolutions[1]: 'gradient'"},
        {"data_gradient\"\n    },", "sideways\"\n    },", "wrong[0]: unknown direction 'sideways'"},
        {"\"transposed\": true", "\"transposed\": 1", "wrong[2]: transposed is neither true nor false"},
        {"\"rows\": 5", "\"rows\": 0", "wrong[2].tile: rows is 0"},
        {"\"rows\": 5", "\"rows\": -1", "wrong[2].tile: rows is -1"},
        {"\"unmeasured\": true", "\"unmeasured\": null", "unmeasured is neither true nor false"},
        {"\"wrong\": [", "\"wrong\": [{\"engine\": \"clblast\"}, ", "wrong[2]: the same method occurs twice"},
        {"\"wrong\": [", "\"wrong\": [{\"algorithm\": \"winograd4\"}, ", "wrong[0]: direction is missing"},
        {"\"wrong\": [", "\"wrong\": [[], ", "wrong[0]: is not an object"},
        {"\"n\": 64,\n      \"h\": 2,\n      \"w\": 2,\n      \"c\": 512,\n      \"o\": 512",
         "\"n\": 128, \"h\": 32, \"w\": 16, \"c\": 3, \"o\": 64", "convolutions[1]: the same shape occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = changed(cases[i].old, cases[i].new);
        assert_refused(text, strlen(text), cases[i].entry);
        free(text);
    }
}

/* Cut off anywhere, or with a bit of any byte turned over: no crash, and an error unless it still is a profile. */
static void survives_anything(void **state) {
    (void)state;
    struct profile p = example(), read;
    char *text = profile_text(&p);
    size_t size = strlen(text);
    for (size_t cut = 0; cut < size - 1; cut++)
        assert_refused(text, cut, "is not valid JSON");
    for (size_t i = 0; i < size; i++) {
        text[i] ^= (char)(1 << i % 8);
        if (profile_parse(text, size, "profile.json", &read) != VGGCL_OK)
            assert_int_equal(strncmp(vggcl_error(), "profile.json: ", 14), 0);
        text[i] ^= (char)(1 << i % 8);
    }
    free(text);
    static const char *const others[] = {"", "[]", "null", "{}", "{\"format\": {}}", "[[[[[[[[[[[[[[[[[[[["};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_refused(others[i], strlen(others[i]), "is not ");
}

/* A profile holds for half to twice as many images as it was measured with, the nearest row where several do. */
static void nearest_number_of_images(void **state) {
    (void)state;
    struct tuning t = {
        .conv_count = 3,
        .convs = {{.s = {32, 4, 4, 512, 512}}, {.s = {128, 4, 4, 512, 512}}, {.s = {32, 8, 8, 512, 512}}}};
    const struct {
        size_t images, found; /* 0: nothing */
    } cases[] = {{15, 0}, {16, 32}, {63, 32}, {64, 32}, {65, 128}, {256, 128}, {257, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tuned_conv *row = tuning_find(&t, (struct conv_shape){cases[i].images, 4, 4, 512, 512}, NULL);
        assert_int_equal(row ? row->s.n : 0, cases[i].found);
    }
    assert_null(tuning_find(&t, (struct conv_shape){128, 8, 8, 512, 512}, NULL));
    t.convs[0].s.n = 128; /* the order does not matter */
    t.convs[1].s.n = 32;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tuned_conv *row = tuning_find(&t, (struct conv_shape){cases[i].images, 4, 4, 512, 512}, NULL);
        assert_int_equal(row ? row->s.n : 0, cases[i].found);
    }
}

/* A tuning with as many shapes as it has room for, each of one image: 1x1, 2x1, ... */
static struct tuning full(void) {
    struct tuning t = {.conv_count = 0};
    for (size_t h = 1; h <= TUNED_CONVS; h++)
        tuning_add(&t, (struct conv_shape){1, h, 1, 1, 1}, NULL)->methods[0] =
            (struct conv_method){&conv_direct, &gemm_tiled};
    assert_int_equal(t.conv_count, TUNED_CONVS);
    return t;
}

static bool has(const struct tuning *t, size_t h) {
    return tuning_find(t, (struct conv_shape){1, h, 1, 1, 1}, NULL);
}

/* A new shape replaces the oldest one; a renewed one is not old. */
static void full_tuning_drops_the_oldest(void **state) {
    (void)state;
    struct tuning t = full();
    struct tuned_conv *there = tuning_add(&t, (struct conv_shape){1, 3, 1, 1, 1}, NULL);
    assert_ptr_equal(there->methods[0].algorithm, &conv_direct);
    assert_true(tuning_renew(&t, (struct conv_shape){2, 1, 1, 1, 1}, NULL));
    assert_false(tuning_renew(&t, (struct conv_shape){3, 1, 1, 1, 1}, NULL));
    struct tuned_conv *added = tuning_add(&t, (struct conv_shape){1, 64, 64, 1, 1}, NULL);
    assert_null(added->methods[0].algorithm);
    assert_int_equal(t.conv_count, TUNED_CONVS);
    assert_true(has(&t, 1) && !has(&t, 2) && has(&t, 3) && has(&t, TUNED_CONVS));
    assert_ptr_equal(tuning_find(&t, (struct conv_shape){1, 64, 64, 1, 1}, NULL), added);
}

/* Storing what was measured for other images keeps the earlier shapes, as far as there is room. */
static void stores_beside_the_earlier(void **state) {
    (void)state;
    char cache[] = "/tmp/vggcl-profile-XXXXXX", path[VGGCL_PATH_MAX], profiles[64];
    struct dev cpu = {.info = {.type = VGGCL_CPU, .name = "a CPU", .platform_name = "a platform", .driver = "1.2"},
                      .vector_width = 16};
    struct context context = context_make(&cpu);
    struct profile stored;
    const struct conv_shape first = {1, 1, 1, 1, 1}, large = {1, 64, 64, 3, 64};
    assert_non_null(mkdtemp(cache));
    setenv("VGGCL_CACHE_DIR", cache, 1);
    *tuning_add(&context.tuning, first, NULL) = (struct tuned_conv){.s = first};
    assert_int_equal(profile_store(&context, path), VGGCL_OK);
    context.tuning.conv_count = 0;
    *tuning_add(&context.tuning, large, NULL) = (struct tuned_conv){.s = large};
    assert_int_equal(profile_store(&context, path), VGGCL_OK);
    assert_int_equal(profile_read(path, &stored), VGGCL_OK);
    assert_int_equal(stored.tuning.conv_count, 2);
    assert_true(tuning_find(&stored.tuning, first, NULL) && tuning_find(&stored.tuning, large, NULL));

    struct tuning many = full();
    memcpy(context.tuning.convs, many.convs + 1, (TUNED_CONVS - 1) * sizeof *many.convs);
    context.tuning.conv_count = TUNED_CONVS - 1;
    assert_int_equal(profile_store(&context, path), VGGCL_OK);
    assert_int_equal(profile_read(path, &stored), VGGCL_OK);
    assert_int_equal(stored.tuning.conv_count, TUNED_CONVS);
    assert_true(!tuning_find(&stored.tuning, first, NULL) && tuning_find(&stored.tuning, large, NULL));

    /* One that others can write to is not read, and replaced. */
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(chmod(path, 0620), 0);
    context.tuning.conv_count = 0;
    *tuning_add(&context.tuning, first, NULL) = (struct tuned_conv){.s = first};
    assert_int_equal(profile_store(&context, path), VGGCL_OK);
    assert_int_equal(profile_read(path, &stored), VGGCL_OK);
    assert_int_equal(stored.tuning.conv_count, 1);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);

    unsetenv("VGGCL_CACHE_DIR");
    assert_int_equal(unlink(path), 0);
    snprintf(profiles, sizeof profiles, "%s/profiles", cache);
    assert_int_equal(rmdir(profiles), 0);
    assert_int_equal(rmdir(cache), 0);
}

static void know_wrong(struct context *context, struct device_method m) {
    struct tuning t = context->tuning;
    assert_true(tuning_add_wrong(&t, &m));
    assert_int_equal(context_tune(context, &t), VGGCL_OK);
}

static const struct conv_algorithm *chosen(const struct context *context, const char *name,
                                           enum conv_direction direction) {
    struct conv_method methods[CONV_DIRECTIONS];
    assert_int_equal(conv_choose(context, (struct conv_shape){2, 16, 16, 64, 64}, name, methods), VGGCL_OK);
    return methods[direction].algorithm;
}

/* By name or by rule, an algorithm is not chosen in the direction in which it is wrong, as long as another one is
 * right.
 */
static void avoids_wrong_algorithms(void **state) {
    (void)state;
    struct dev gpu = {
        .info = {.type = VGGCL_GPU, .work_group_size = 256, .local_memory = 1 << 16}, .vector_width = 1, .simt = true};
    struct context context = context_make(&gpu);
    static const struct conv_algorithm *const order[] = {&conv_winograd4, &conv_winograd2, &conv_im2col};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        assert_ptr_equal(chosen(&context, "auto", CONV_FORWARD), order[i]);
        assert_ptr_equal(chosen(&context, "winograd4", CONV_FORWARD), order[i]);
        assert_ptr_equal(chosen(&context, "im2col", CONV_FORWARD), &conv_im2col);
        assert_ptr_equal(chosen(&context, "auto", CONV_WEIGHT_GRADIENT), &conv_winograd4);
        know_wrong(&context, (struct device_method){.algorithm = order[i], .direction = CONV_FORWARD});
    }
    assert_ptr_equal(chosen(&context, "auto", CONV_FORWARD), &conv_winograd4); /* none is right */
    *tuning_add(&context.tuning, (struct conv_shape){2, 16, 16, 64, 64}, NULL) = (struct tuned_conv){
        .s = {2, 16, 16, 64, 64},
        .methods = {[CONV_WEIGHT_GRADIENT] = {&conv_im2col, &gemm_tiled}, [CONV_DATA_GRADIENT] = {NULL, NULL}}};
    assert_ptr_equal(chosen(&context, "auto", CONV_WEIGHT_GRADIENT), &conv_im2col);
    know_wrong(&context, (struct device_method){.algorithm = &conv_im2col, .direction = CONV_WEIGHT_GRADIENT});
    assert_ptr_equal(chosen(&context, "auto", CONV_WEIGHT_GRADIENT), &conv_winograd4);
}

/* The built-in engine takes other tiles, and when all are wrong, another engine is taken. */
static void avoids_wrong_products(void **state) {
    (void)state;
    struct dev cpu = {.info = {.type = VGGCL_CPU, .work_group_size = 4096, .local_memory = 1 << 16},
                      .vector_width = 16};
    struct context context = context_make(&cpu), strict = context_make(&cpu);
    struct gemm_tile others[GEMM_OTHER_TILES];
    assert_int_equal(gemm_other_tiles(&cpu, false, others), GEMM_OTHER_TILES);
    for (size_t i = 0; i < GEMM_OTHER_TILES; i++) {
        assert_memory_equal(&context.tuning.tile[false], &others[i], sizeof *others);
        assert_ptr_equal(gemm_engine(&context, NULL), &gemm_tiled);
        know_wrong(&context, tuning_product(&context.tuning, &gemm_tiled, false));
    }
    assert_ptr_equal(gemm_engine(&context, NULL), &gemm_clblast);
    context.engine = &gemm_tiled;
    assert_ptr_equal(gemm_engine(&context, NULL), &gemm_clblast);
    assert_true(gemm_allows(&context, &gemm_clblast));
    know_wrong(&context, (struct device_method){.engine = &gemm_clblast});
    assert_ptr_equal(gemm_engine(&context, NULL), &gemm_tiled); /* none is right */

    strict.strict = true;
    assert_int_equal(context_tune(&strict, &context.tuning), VGGCL_OK);
    assert_int_equal(strict.tuning.wrong_count, 0);
}

/* Whatever is stored of a device is kept when its wrong methods are. */
static void stores_wrong_methods(void **state) {
    (void)state;
    char cache[] = "/tmp/vggcl-profile-XXXXXX", path[VGGCL_PATH_MAX], line[64];
    struct dev cpu = {.info = {.type = VGGCL_CPU, .name = "a CPU", .platform_name = "a platform", .driver = "1.2"},
                      .vector_width = 16};
    struct context measured = context_make(&cpu), context = context_make(&cpu);
    const struct conv_shape s = {1, 64, 64, 3, 64};
    struct profile stored;
    struct tuned tuned;
    struct vggcl_config config;
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    assert_non_null(mkdtemp(cache));
    setenv("VGGCL_CACHE_DIR", cache, 1);
    know_wrong(&context, (struct device_method){.algorithm = &conv_winograd4, .direction = CONV_FORWARD});
    assert_int_equal(profile_store_wrong(&context, path), VGGCL_OK);
    assert_int_equal(profile_read(path, &stored), VGGCL_OK);
    assert_true(stored.unmeasured && stored.tuning.wrong_count == 1);
    assert_int_equal(profile_choose(&measured, &config, &tuned), VGGCL_OK); /* built-in or shipped */
    assert_true(tuned.by != TUNED_STORED && measured.tuning.wrong_count == 1);

    *tuning_add(&measured.tuning, s, NULL) = (struct tuned_conv){.s = s};
    assert_int_equal(profile_store(&measured, path), VGGCL_OK);
    know_wrong(&context, (struct device_method){.engine = &gemm_clblast});
    assert_int_equal(profile_store_wrong(&context, path), VGGCL_OK);
    assert_int_equal(profile_read(path, &stored), VGGCL_OK);
    assert_true(!stored.unmeasured && stored.tuning.wrong_count == 2 && tuning_find(&stored.tuning, s, NULL));

    cpu.info.driver[0] = '2'; /* a new driver is not suspected */
    assert_int_equal(profile_choose(&context, &config, &tuned), VGGCL_OK);
    assert_int_equal(context.tuning.wrong_count, 0);
    snprintf(line, sizeof line, "rm -rf %s", cache);
    assert_int_equal(system(line), 0);
}

static void too_many(void **state) {
    (void)state;
    struct profile p = example();
    p.tuning.wrong_count = 0;
    p.unmeasured = false;
    for (p.tuning.conv_count = 0; p.tuning.conv_count < TUNED_CONVS; p.tuning.conv_count++)
        p.tuning.convs[p.tuning.conv_count] = (struct tuned_conv){.s = {1, p.tuning.conv_count + 1, 1, 1, 1}};
    char *text = profile_text(&p), *more;
    struct profile again;
    assert_int_equal(profile_parse(text, strlen(text), "it", &again), VGGCL_OK);
    assert_int_equal(again.tuning.conv_count, TUNED_CONVS);
    char *end = strrchr(text, ']');
    *end = '\0';
    assert_true(asprintf(&more, "%s,{\"h\": 99, \"w\": 9, \"c\": 9, \"o\": 9}]}", text) > 0);
    assert_refused(more, strlen(more), "convolutions: the number of entries is 65");
    free(text);
    free(more);
}

/* What ships is read without an error, and says whom it is for. */
static void shipped(void **state) {
    (void)state;
    struct profile p;
    size_t count = 0;
    for (const struct embedded_file *f = embedded_profiles; f->stem; f++, count++) {
        if (profile_parse(f->text, strlen(f->text), f->stem, &p) != VGGCL_OK)
            fail_msg("%s", vggcl_error());
        assert_true(*p.match_platform);
        assert_true(p.tuning.conv_count > 0);
    }
    assert_true(count > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads_what_it_writes),
                                       cmocka_unit_test(names_what_is_wrong),
                                       cmocka_unit_test(survives_anything),
                                       cmocka_unit_test(nearest_number_of_images),
                                       cmocka_unit_test(full_tuning_drops_the_oldest),
                                       cmocka_unit_test(stores_beside_the_earlier),
                                       cmocka_unit_test(avoids_wrong_algorithms),
                                       cmocka_unit_test(avoids_wrong_products),
                                       cmocka_unit_test(stores_wrong_methods),
                                       cmocka_unit_test(too_many),
                                       cmocka_unit_test(shipped)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
