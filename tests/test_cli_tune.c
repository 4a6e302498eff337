/* vggcl tune, and which commands use the profile that it stores. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idx.h"
#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETWORK "--model vgg11 --width 0.0625 --batch 8"
#define TRAIN   "train --data synthetic:24,10 --epochs 1 --no-dropout " NETWORK

static json_t *read_json(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *all = json_load_file(path, 0, NULL);
    assert_non_null(all);
    return all;
}

static void write_json(json_t *all, const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(json_dump_file(all, path, 0), 0);
    json_decref(all);
}

/* From nothing to a profile, which the other commands go by. */
static void end_to_end(void **state) {
    (void)state;
    assert_int_equal(vggcl("tune --budget 12 --gemm tiled --json --export exported.json " NETWORK), 0);
    json_t *all = json_loads(output, 0, NULL), *row;
    assert_non_null(all);
    assert_true(json_real_value(json_object_get(all, "step_before_s")) > 0);
    assert_true(json_real_value(json_object_get(all, "step_after_s")) > 0);
    assert_true(json_integer_value(json_object_get(all, "measured")) > 0);
    size_t i, rows = json_array_size(json_object_get(all, "rows"));
    assert_int_equal(rows, 7 * 3 - 1); /* distinct shapes; the first layer has no data gradient */
    json_array_foreach(json_object_get(all, "rows"), i, row) {
        assert_true(json_real_value(json_object_get(row, "before_s")) > 0);
        assert_true(json_real_value(json_object_get(row, "after_s")) > 0);
        const char *engine =
            json_string_value(json_object_get(json_object_get(row, "after"), "engine")); /* --gemm says so */
        assert_true(!*engine || strcmp(engine, "tiled") == 0);
    }
    json_decref(all);

    assert_int_equal(vggcl(TRAIN " --save a"), 0);
    assert_says("tuning   stored profile ");
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(TRAIN " --save b --profile exported.json"), 0);
    assert_says("tuning   profile exported.json");
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("bench --steps 1 " NETWORK), 0);
    assert_says("tuning      stored profile ");
    assert_int_equal(vggcl("selfcheck --quick " NETWORK), 0);
    assert_int_equal(vggcl("plan --data synthetic:24,10 " NETWORK), 0);
    assert_int_equal(vggcl("eval --data synthetic:24,10 --weights a/best.safetensors"), 0);
}

/* Each layer and direction is done as the file says, and a resumed run goes on with that. */
static void profile_of_a_file(void **state) {
    (void)state;
    json_t *all = read_json("exported.json"), *row;
    size_t i;
    json_array_foreach(json_object_get(all, "convolutions"), i, row) {
        json_object_set_new(row, "forward", json_pack("{s:s, s:s}", "algorithm", "winograd2", "engine", "tiled"));
        json_object_set_new(row, "weight_gradient", json_pack("{s:s, s:s}", "algorithm", "im2col", "engine", "tiled"));
    }
    json_object_set_new(all, "device", json_string("a card"));
    json_object_set_new(json_object_get(all, "gemm"), "rows", json_integer(5));
    json_object_set_new(json_object_get(all, "gemm"), "panel", json_integer(20));
    json_object_set_new(json_object_get(all, "gemm"), "group_rows", json_integer(0));
    write_json(all, "mine.json");

    assert_int_equal(vggcl("bench --json --steps 1 --profile mine.json " NETWORK), 0);
    all = json_loads(output, 0, NULL);
    row = json_array_get(json_object_get(all, "layers"), 0); /* 8 images of 32x32, 3 channels to 4, 3x3 */
    assert_true(json_real_value(json_object_get(row, "forward_bytes")) == 4 * (8 * 32 * 32 * (3 + 4) + 9 * 3 * 4));
    assert_true(json_real_value(json_object_get(row, "data_gradient_bytes")) == 0);
    json_array_foreach(json_object_get(all, "layers"), i, row) {
        const char *forward = json_string_value(json_object_get(row, "forward_algorithm"));
        if (!*forward)
            continue;
        assert_string_equal(forward, "winograd2");
        assert_string_equal(json_string_value(json_object_get(row, "forward_engine")), "tiled");
        assert_string_equal(json_string_value(json_object_get(row, "weight_gradient_algorithm")), "im2col");
    }
    json_decref(all);
    assert_int_equal(vggcl("bench --json --steps 1 --conv im2col --profile mine.json " NETWORK), 0);
    assert_null(strstr(output, "winograd"));

    assert_int_equal(vggcl(TRAIN " --save whole --profile mine.json"), 0);
    assert_says("tuning   profile mine.json, made on a card");
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(TRAIN " --save parts --profile mine.json --steps 1"), 0);
    assert_int_equal(vggcl("train --resume parts"), 0);
    assert_says("tuning   profile of the resumed run");
    assert_string_equal(weights_hash(), hash);
    assert_fails(2, "profile: a resumed run", "train --resume parts --profile none");
    assert_int_equal(vggcl(TRAIN " --save none --profile none"), 0);
    assert_says("tuning   built-in rules");
}

/* Bad files end the run; what a state holds is not trusted either. */
static void wrong_files(void **state) {
    (void)state;
    assert_fails(1, "nowhere.json: cannot be opened", TRAIN " --profile nowhere.json");
    assert_int_equal(vggcl("version; head -c 200 exported.json > cut.json; head -c 2000000 /dev/zero > large.json"), 0);
    assert_fails(1, "cut.json: line ", TRAIN " --profile cut.json");
    assert_fails(1, "large.json: ", "eval --weights a/best.safetensors --data synthetic:24,10 --profile large.json");
    json_t *all = read_json("exported.json");
    json_object_set_new(json_object_get(all, "gemm"), "rows", json_integer(17));
    write_json(all, "rows.json");
    assert_fails(1, "rows.json: gemm: ", "plan --data synthetic:24,10 --profile rows.json " NETWORK);
    assert_says("rows must be 1 to 16, not 17");
    assert_fails(1, "does-not/exist.json", "tune --budget 1 --gemm tiled --export does-not/exist.json " NETWORK);
    assert_fails(2, "--budget", "tune --budget soon");
    assert_fails(2, "--conv", "tune --conv im2col");
}

/* A stored profile that cannot be trusted is said to be ignored, and no reason to stop. */
static void wrong_stored(void **state) {
    (void)state;
    static const struct {
        const char *change, *says;
    } cases[] = {
        {"truncate -s 100", "the stored profile is ignored: "},
        {"sed -i s/\\\"winograd./\\\"winograd9/", "the stored profile is ignored: "},
        {"sed -i s/\\\"driver.*,/\\\"driver\\\":\\\"0\\\",/",
         "is for another driver: run vggcl tune to make a new one"},
        {"sed -i s/\\\"kernels.*,/\\\"kernels\\\":\\\"0\\\",/", "is for another version of the kernels"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(vggcl("version; cp -r caches/profiles kept && %s caches/profiles/*.json", cases[i].change), 0);
        assert_int_equal(vggcl("bench --steps 1 " NETWORK), 0);
        assert_says(cases[i].says);
        assert_int_equal(vggcl("version; rm -r caches/profiles && mv kept caches/profiles"), 0);
    }
    assert_int_equal(vggcl("bench --steps 1 " NETWORK), 0);
    assert_says("tuning      stored profile ");
}

/* On a device that nothing is known of, train measures the network's shapes for some seconds and keeps that; so it does
 * for the shapes of another network. */
static void measured_in_train(void **state) {
    (void)state;
    assert_int_equal(vggcl("train --data synthetic:24,10 --epochs 1 --model vgg11 --width 0.125 --batch 8 --save m1"),
                     0);
    assert_says("tuning   measured in ");
    assert_says(", stored as ");
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train --data synthetic:24,10 --epochs 1 --model vgg11 --width 0.125 --batch 8 --save m2"),
                     0);
    assert_says("tuning   stored profile ");
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl(TRAIN " --save m3"), 0); /* the first network's shapes are still there */
    assert_says("tuning   stored profile ");
    assert_int_equal(vggcl("train --resume m1 --epochs 2"), 0);
    assert_says("tuning   profile of the resumed run");
}

static uint8_t pixel(int i, int y, int x) {
    return (uint8_t)(i * 83 + (i % 3 ? y : x) * 9);
}

static uint8_t label(int i) {
    return (uint8_t)(i % 3);
}

/* Twelve grey images of 40x24 pixels and three classes to train with, and to test on. */
static void write_images(void) {
    assert_int_equal(vggcl("version; mkdir grey"), 0);
    idx_write_part("grey", "train", 12, 40, 24, pixel, label);
    idx_write_part("grey", "t10k", 12, 40, 24, pixel, label);
}

/* The number of convolutions in a profile of images of h x w pixels and c channels. */
static int count_convs(const char *file, json_int_t h, json_int_t w, json_int_t c) {
    int count = 0;
    size_t i;
    json_t *all = read_json(file), *row;
    json_array_foreach(json_object_get(all, "convolutions"), i, row) count +=
        json_integer_value(json_object_get(row, "h")) == h && json_integer_value(json_object_get(row, "w")) == w &&
        json_integer_value(json_object_get(row, "c")) == c;
    json_decref(all);
    return count;
}

/* Other images than those of the stored profile are measured and checked as the network has them, and stored beside. */
static void other_images(void **state) {
    (void)state;
    int checks;
    write_images();
    assert_int_equal(vggcl("train --data grey --epochs 1 --save o1 " NETWORK), 0);
    assert_says("tuning   measured in ");
    assert_int_equal(sscanf(strstr(output, "\ncheck    "), "\ncheck %d", &checks), 1);
    assert_int_equal(vggcl("version; cp caches/profiles/*.json stored.json"), 0);
    assert_int_equal(count_convs("stored.json", 40, 24, 1), 1);
    assert_int_equal(count_convs("stored.json", 20, 12, 4), 1);
    assert_int_equal(count_convs("stored.json", 32, 32, 3), 2); /* at the widths 1/16 and 1/8 */
    assert_int_equal(vggcl("train --data grey --epochs 1 --save o2 " NETWORK), 0);
    assert_says("tuning   stored profile ");
    assert_int_equal(vggcl(TRAIN " --save o3"), 0);
    assert_says("tuning   stored profile ");
    assert_int_equal(vggcl("selfcheck --quick --json --shape 40x24x1 --classes 3 " NETWORK), 0);
    json_t *all = json_loads(output, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(all, "checks")), checks);
    json_decref(all);
    assert_int_equal(vggcl("plan --json --data grey " NETWORK), 0);
    assert_says("\"shape\": \"40x24x1\",");
    assert_says("\"classes\": 3,");

    assert_int_equal(vggcl("tune --budget 2 --gemm tiled --shape 16x8x1 --classes 5 --export other.json " NETWORK), 0);
    assert_int_equal(count_convs("other.json", 16, 8, 1), 1);
    assert_int_equal(count_convs("other.json", 32, 32, 3), 0);
    assert_int_equal(vggcl("version; cp caches/profiles/*.json stored.json"), 0);
    assert_int_equal(count_convs("stored.json", 16, 8, 1), 1);
    assert_int_equal(count_convs("stored.json", 40, 24, 1), 1);
}

static void fits_terminal(void **state) {
    (void)state;
    assert_int_equal(vggcl_on_terminal(30, 30, "tune --budget 1 --gemm tiled " NETWORK), 0);
    assert_in_range(widest_line(output, "tuning "), 10, 29);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(end_to_end),        cmocka_unit_test(profile_of_a_file),
                                       cmocka_unit_test(wrong_files),       cmocka_unit_test(wrong_stored),
                                       cmocka_unit_test(measured_in_train), cmocka_unit_test(other_images),
                                       cmocka_unit_test(fits_terminal)};
    return cmocka_run_group_tests(tests, make_folder_and_profiles, remove_folder_and_profiles);
}
