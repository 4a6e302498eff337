/* vggcl predict on pictures, and what eval says of each of them, with a network trained on a small folder. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "pictures.h"
#include "program.h"
#include "vggcl.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef VGGCL_VIPS

enum { CLASSES = 3, PICTURES = 20, TESTED = 2, SIDE = 20 }; /* of each class; TESTED of them are held out */

static const char *const classes[CLASSES] = {"blue", "green, grassy", "red"};

/* A class has a colour, with some noise. */
static void put_picture(const char *path, int class_index, int number) {
    static const int colours[CLASSES][3] = {{40, 40, 220}, {40, 200, 40}, {220, 40, 40}};
    const int *c = colours[class_index];
    draw_flat(path, SIDE + number, SIDE + 2 * number % 7, c[0] + number, c[1] + number, c[2] + number);
}

static int make_network(void **state) {
    char path[256];
    if (make_folder(state))
        return -1;
    for (int i = 0; i < CLASSES; i++)
        for (int k = 0; k < PICTURES; k++) {
            snprintf(path, sizeof path, "%s/set/%s/%02d.%s", folder, classes[i], k, k % 2 ? "png" : "jpg");
            put_picture(path, i, k);
        }
    return vggcl("train --data set --size 16 --model vgg11 --width 0.0625 --no-dropout --batch 18 --epochs 16 --lr "
                 "0.02 --schedule cosine "
                 "--no-selfcheck --profile none --save s");
}

#define PREDICT "predict --weights s/best.safetensors --profile none "

static json_t *next_line(char **text) {
    char *end = strchr(*text, '\n');
    assert_non_null(end);
    *end = '\0';
    json_t *line = json_loads(*text, 0, NULL);
    if (!line)
        fail_msg("not JSON: %s", *text);
    *text = end + 1;
    return line;
}

/* One object for each picture: probabilities fall, and are those of all classes. */
static void prints_json(void **state) {
    (void)state;
    assert_int_equal(vggcl(PREDICT "--json set/red set/blue/00.jpg"), 0);
    char *text = output;
    int right = 0;
    for (int i = 0; i < PICTURES + 1; i++) {
        json_t *line = next_line(&text), *guesses = json_object_get(line, "predictions");
        double sum = 0, before = 1;
        char file[64];
        snprintf(file, sizeof file, i < PICTURES ? "set/red/%02d.%s" : "set/blue/00.jpg", i, i % 2 ? "png" : "jpg");
        assert_string_equal(json_string_value(json_object_get(line, "file")), file);
        assert_int_equal(json_array_size(guesses), CLASSES);
        for (size_t k = 0; k < CLASSES; k++) {
            double p = json_number_value(json_object_get(json_array_get(guesses, k), "probability"));
            assert_true(p >= 0 && p <= before);
            before = p;
            sum += p;
        }
        assert_true(fabs(sum - 1) < 1e-4);
        right += strcmp(json_string_value(json_object_get(json_array_get(guesses, 0), "class")),
                        i < PICTURES ? "red" : "blue") == 0;
        json_decref(line);
    }
    assert_string_equal(text, "");
    assert_int_equal(right, PICTURES + 1);
}

static void prints_csv(void **state) {
    (void)state;
    assert_int_equal(vggcl(PREDICT "--csv --top 1 'set/green, grassy/03.png'"), 0);
    const char start[] = "file,rank,class,probability\n\"set/green, grassy/03.png\",1,\"green, grassy\",";
    assert_memory_equal(output, start, strlen(start));
    assert_int_equal(vggcl(PREDICT "--top 2 set/red/01.png"), 0);
    assert_memory_equal(output, "set/red/01.png", 14);
    assert_says("  red ");
    assert_int_equal(vggcl(PREDICT "--tta --top 1 set/red/01.png"), 0);
    assert_says("  red ");
}

/* A list on the standard input; names that begin with a dash come after --. */
static void takes_lists(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; cp set/red/01.png ./-x.png; ls set/blue/*.png | " VGGCL_PROGRAM " " PREDICT
                           "--csv --top 1 - -- "
                           "-x.png"),
                     0);
    assert_says("set/blue/19.png,1,blue,");
    assert_says("\n-x.png,1,red,");
}

/* What cannot be read is named, and the rest is done. */
static void names_what_it_cannot_read(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; echo text >text.jpg; mkdir -p none"), 0);
    assert_int_equal(vggcl(PREDICT "--top 1 text.jpg set/blue/05.png missing.png"), 1);
    assert_says("vggcl: error: text.jpg: is not a JPEG, PNG, WebP, GIF, TIFF or BMP picture\n");
    assert_says("vggcl: error: missing.png: cannot be opened: No such file or directory\n");
    assert_says("set/blue/05.png");
    assert_fails(2, "there are no pictures", PREDICT "none");
    assert_fails(2, "predict needs pictures", PREDICT);
    assert_fails(2, "weights: is missing", "predict set/blue/05.png");
    assert_fails(2, "--top takes a whole number", PREDICT "--top 0 set/blue/05.png");
    assert_fails(1, "no.safetensors", "predict --weights no.safetensors set/blue/05.png");
}

/* eval needs no option but the weights, and writes what predict prints. */
static void evaluates(void **state) {
    (void)state;
    assert_int_equal(vggcl("eval --weights s/best.safetensors --profile none --predictions p.csv"), 0);
    assert_says("pictures in set (54 training, 6 test images, 16x16 colour, 3 classes)");
    assert_says("(6 of 6)");
    assert_says("\nred                            2   1.0000   1.0000   1.0000\n");
    assert_int_equal(
        vggcl("version >/dev/null; cut -d, -f2,4,5 p.csv | grep ^set/red >theirs; cut -d, -f2 theirs >x; cut "
              "-d, -f1 theirs | " VGGCL_PROGRAM " " PREDICT "--csv --top 1 - | tail -n +2 | cut -d, -f1,3,4 >ours; cmp "
              "ours theirs && test $(wc -l <ours) = %d",
              TESTED),
        0);
    assert_int_equal(vggcl("version >/dev/null; mv set/red set/rose"), 0);
    assert_fails(2, "its class 3 is red, but that of the data set is rose",
                 "eval --weights s/best.safetensors --profile none");
    assert_int_equal(vggcl("version >/dev/null; mv set/rose set/red"), 0);
    assert_fails(1, "nowhere/p.csv: cannot be written",
                 "eval --weights s/best.safetensors --profile none --predictions "
                 "nowhere/p.csv");
}

/* The library predicts from pixels in memory what the program predicts from the file. */
static void predicts_from_memory(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_predictor *predictor;
    char path[256];
    enum { BATCH = 4, COUNT = 7 };
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    snprintf(config.weights, sizeof config.weights, "%s/s/best.safetensors", folder);
    strcpy(config.profile, "none");
    config.batch = BATCH;
    if (vggcl_predictor_open(&config, &predictor) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    const struct vggcl_predictor_info *info = vggcl_predictor_describe(predictor);
    assert_int_equal(info->height, 16);
    assert_int_equal(info->width, 16);
    assert_int_equal(info->channels, 3);
    assert_int_equal(info->class_count, CLASSES);
    assert_string_equal(info->model, "vgg11");
    assert_string_equal(info->classes[1], classes[1]);

    uint8_t pixels[COUNT][3 * 16 * 16];
    float all[COUNT][CLASSES], one[CLASSES];
    for (int i = 0; i < COUNT; i++) {
        snprintf(path, sizeof path, "%s/set/%s/%02d.png", folder, classes[i % CLASSES], 2 * i + 1);
        assert_int_equal(vggcl_predictor_read(predictor, path, pixels[i]), VGGCL_OK);
    }
    assert_int_equal(vggcl_predict(predictor, pixels[0], COUNT, all[0]), VGGCL_OK);
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < CLASSES; k++)
            assert_true(all[i][i % CLASSES] >= all[i][k]);
        assert_int_equal(vggcl_predict(predictor, pixels[i], 1, one), VGGCL_OK);
        assert_memory_equal(one, all[i], sizeof one); /* whatever else is in the batch */
    }
    assert_int_equal(vggcl_predict(predictor, pixels[0], 0, all[0]), VGGCL_OK);
    assert_int_equal(vggcl_predictor_read(predictor, "missing.png", pixels[0]), VGGCL_EIO);
    vggcl_predictor_free(predictor);
    vggcl_predictor_free(NULL);
}

/* Copies the weights of s/best.safetensors, with NaN as the last value, to nan.safetensors. */
static void break_weights(void) {
    char from[256], to[256];
    struct safetensors file;
    snprintf(from, sizeof from, "%s/s/best.safetensors", folder);
    snprintf(to, sizeof to, "%s/nan.safetensors", folder);
    assert_int_equal(safetensors_read(from, &file), VGGCL_OK);
    const struct record *last = &file.records[file.count - 1];
    last->values[record_count(last) - 1] = NAN;
    const char *metadata[] = {"image.height", "16", "image.width", "16", "image.channels", "3", NULL};
    assert_int_equal(safetensors_write(&folder_current, to, file.records, file.count, metadata), VGGCL_OK);
    safetensors_free(&file);
}

/* Weights that give no numbers: the JSON is complete, with null, and the exit status and an error say so. */
static void says_what_is_no_number(void **state) {
    (void)state;
    break_weights();
    assert_int_equal(vggcl("predict --weights nan.safetensors --profile none --json --top 1 set/red/01.png"), 1);
    char *text = output;
    json_t *line = next_line(&text), *guesses = json_object_get(line, "predictions");
    assert_true(json_is_null(json_object_get(json_array_get(guesses, 0), "probability")));
    assert_non_null(strstr(text, "vggcl: error: the network's output for 1 of 1 pictures is not a number"));
    json_decref(line);

    assert_int_equal(vggcl("eval --weights nan.safetensors --profile none --data set --size 16 --json"), 1);
    json_t *all = json_loads(output, JSON_DISABLE_EOF_CHECK, NULL);
    assert_true(json_is_null(json_object_get(all, "loss")));
    assert_int_equal(json_integer_value(json_object_get(all, "images")), CLASSES * TESTED);
    assert_says("vggcl: error: nan.safetensors: the loss on the test images is not a finite number");
    json_decref(all);
}

/* Paths that are not UTF-8: JSON has U+FFFD in place of each such byte, and a run saves and ends as any other. */
static void paths_that_are_no_utf8(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; cp set/red/01.png 'caf\xE9.png'; cp -r set 'set\xFF\xFE'"), 0);
    assert_int_equal(vggcl(PREDICT "--json --top 1 'caf\xE9.png'"), 0);
    assert_says("{\"file\":\"caf\xEF\xBF\xBD.png\",\"predictions\":[{\"class\":\"red\",");
    assert_int_equal(vggcl("eval --weights s/best.safetensors --profile none --data 'set\xFF\xFE' --size 16 --json"),
                     0);
    json_t *all = json_loads(output, 0, NULL);
    assert_non_null(strstr(json_string_value(json_object_get(all, "data")), "set\xEF\xBF\xBD\xEF\xBF\xBD"));
    json_decref(all);

    assert_int_equal(vggcl("train --data 'set\xFF\xFE' --size 16 --model vgg11 --width 0.0625 --batch 18 --steps 1 "
                           "--no-selfcheck --profile none --save odd"),
                     0);
    assert_fails(1, "set\xEF\xBF\xBD\xEF\xBF\xBD", "train --resume odd");
    assert_int_equal(vggcl("train --resume odd --data 'set\xFF\xFE' --steps 2"), 0);
}

#endif

int main(void) {
#ifdef VGGCL_VIPS
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_json),
        cmocka_unit_test(prints_csv),
        cmocka_unit_test(takes_lists),
        cmocka_unit_test(names_what_it_cannot_read),
        cmocka_unit_test(evaluates),
        cmocka_unit_test(predicts_from_memory),
        cmocka_unit_test(says_what_is_no_number),
        cmocka_unit_test(paths_that_are_no_utf8),
    };
    return cmocka_run_group_tests(tests, make_network, remove_folder);
#else
    puts("skipped: this build lacks libvips");
    return 0;
#endif
}
