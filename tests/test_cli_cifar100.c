/* CIFAR-100's binary files: a small generated set is read, trained on and evaluated, with both kinds of labels. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "files/safetensors.h"
#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAIN = 400, TEST = 100, FINE = 100, COARSE = 20, PIXELS = 3072, RECORD = 2 + PIXELS };

#define SET     "--data set"
#define NETWORK "--model vgg11 --width 0.0625 --no-dropout --batch 50 --profile none"
#define RUN     SET " " NETWORK " --no-selfcheck"

static char set[128];

static FILE *open_file(const char *name, const char *mode) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", set, name);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    return file;
}

/* Image i has fine class i modulo 100, and coarse class fine / 5; each coarse class has a pattern of its own, with
 * noise. */
static int fine_of(int i) {
    return i % FINE;
}

static int coarse_of(int i) {
    return fine_of(i) / (FINE / COARSE);
}

static uint8_t pixel_of(int i, int k) {
    static const int digits[] = {1, 3, 9}; /* a level of red, green and blue for each of up to 27 classes */
    unsigned noise = ((unsigned)i * PIXELS + (unsigned)k) * 2654435761u >> 27;
    return (uint8_t)((unsigned)(coarse_of(i) / digits[k / 1024] % 3) * 110 + noise);
}

static void write_images(const char *name, int count) {
    FILE *file = open_file(name, "wb");
    for (int i = 0; i < count; i++) {
        fputc(coarse_of(i), file);
        fputc(fine_of(i), file);
        for (int k = 0; k < PIXELS; k++)
            fputc(pixel_of(i, k), file);
    }
    assert_int_equal(fclose(file), 0);
}

static void write_names(const char *name, const char *stem, int count) {
    FILE *file = open_file(name, "wb");
    for (int i = 0; i < count; i++)
        fprintf(file, "%s_%d\n", stem, i);
    assert_int_equal(fclose(file), 0);
}

static void write_set(void) {
    write_images("train.bin", TRAIN);
    write_images("test.bin", TEST);
    write_names("fine_label_names.txt", "fine", FINE);
    write_names("coarse_label_names.txt", "coarse", COARSE);
}

static int make_set(void **state) {
    if (make_folder(state) || vggcl("version; mkdir set") != 0)
        return -1;
    snprintf(set, sizeof set, "%s/set", folder);
    write_set();
    return 0;
}

static struct data_source source(enum data_labels labels) {
    return (struct data_source){.name = set, .format = "auto", .labels = labels};
}

static void reads(enum data_labels labels, int classes, int (*class_of)(int), const char *stem) {
    struct data data;
    struct data_size size;
    const struct data_source from = source(labels);
    char name[32];
    if (data_open(&from, &data) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(data.train.count, TRAIN);
    assert_int_equal(data.test.count, TEST);
    assert_int_equal(data.spec.classes, classes);
    assert_int_equal(data_image_bytes(&data.spec), PIXELS);
    for (int i = 0; i < TRAIN; i++) {
        assert_int_equal(data.train.labels[i], class_of(i));
        for (int k = 0; k < PIXELS; k += 511)
            assert_int_equal(data.train.pixels[i * PIXELS + k], pixel_of(i, k));
    }
    assert_int_equal(data.test.labels[TEST - 1], class_of(TEST - 1));
    for (int i = 0; i < classes; i++) {
        snprintf(name, sizeof name, "%s_%d", stem, i);
        assert_string_equal(data.spec.class_names[i], name);
    }
    snprintf(name, sizeof name, ", %s labels)", stem);
    assert_memory_equal(data.description, "CIFAR-100 in ", 13);
    assert_non_null(strstr(data.description, name));
    data_free(&data);
    assert_int_equal(data_count(&from, &size), VGGCL_OK);
    assert_int_equal(size.train, TRAIN);
    assert_int_equal(size.test, TEST);
    assert_int_equal(size.spec.classes, classes);
}

static void reads_both_kinds(void **state) {
    (void)state;
    reads(DATA_FINE, FINE, fine_of, "fine");
    reads(DATA_COARSE, COARSE, coarse_of, "coarse");
}

static void refuses(enum data_labels labels, enum vggcl_err code, const char *file, const char *part) {
    struct data data;
    const struct data_source from = source(labels);
    assert_int_equal(data_open(&from, &data), code);
    assert_null(data.train.pixels);
    if (!strstr(vggcl_error(), file) || !strstr(vggcl_error(), part))
        fail_msg("\"%s\" or \"%s\" is not in: %s", file, part, vggcl_error());
}

static void put_byte(const char *name, long offset, int byte) {
    FILE *file = open_file(name, "r+b");
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

static void refuses_what_is_wrong(void **state) {
    (void)state;
    struct data data;
    const struct data_source fine = source(DATA_FINE);
    put_byte("train.bin", 7 * RECORD + 1, 100);
    refuses(DATA_FINE, VGGCL_EFORMAT, "train.bin", "byte 21519: label 100, above 99");
    put_byte("train.bin", 7 * RECORD, 20); /* the other label's byte does not matter */
    put_byte("train.bin", 7 * RECORD + 1, 99);
    assert_int_equal(data_open(&fine, &data), VGGCL_OK);
    data_free(&data);
    refuses(DATA_COARSE, VGGCL_EFORMAT, "train.bin", "byte 21518: label 20, above 19");
    write_set();
    write_names("coarse_label_names.txt", "coarse", 19);
    refuses(DATA_COARSE, VGGCL_EFORMAT, "coarse_label_names.txt", "class name 20 of 20");
    assert_int_equal(vggcl("version; truncate -s -1 set/test.bin; rm set/fine_label_names.txt"), 0);
    refuses(DATA_FINE, VGGCL_EFORMAT, "test.bin", "not a multiple of 3074");
    write_images("test.bin", TEST);
    refuses(DATA_FINE, VGGCL_EIO, "fine_label_names.txt", "`vggcl fetch cifar100`");
    write_set();
    assert_int_equal(data_open(&(struct data_source){.name = set, .format = "cifar10"}, &data), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "data_batch_1.bin"));
}

static void evaluates(const char *flags, const char *weights, size_t classes, const char *first_class) {
    assert_int_equal(vggcl("eval " SET " %s --weights %s --json", flags, weights), 0);
    json_t *all = json_loads(strchr(output, '{'), 0, NULL), *confusion = json_object_get(all, "confusion");
    json_int_t images = 0, correct = 0;
    assert_non_null(all);
    assert_int_equal(json_array_size(confusion), classes);
    assert_int_equal(json_array_size(json_object_get(all, "classes")), classes);
    assert_string_equal(json_string_value(json_array_get(json_object_get(all, "classes"), 0)), first_class);
    for (size_t i = 0; i < classes; i++) {
        json_t *row = json_array_get(confusion, i);
        assert_int_equal(json_array_size(row), classes);
        correct += json_integer_value(json_array_get(row, i));
        json_int_t before = images;
        for (size_t k = 0; k < classes; k++)
            images += json_integer_value(json_array_get(row, k));
        assert_int_equal(images - before, TEST / classes);
    }
    assert_int_equal(images, TEST);
    assert_int_equal(correct, json_integer_value(json_object_get(all, "correct")));
    json_decref(all);
}

static double number_of(const char *json_key) {
    json_t *all = json_loads(strchr(output, '{'), 0, NULL);
    double value = json_number_value(json_object_get(all, json_key));
    json_decref(all);
    return value;
}

static void trains_on_both_kinds(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --epochs 1 --save fine"), 0);
    assert_says("CIFAR-100 in set (400 training, 100 test images, fine labels)");
    evaluates("", "fine/best.safetensors", FINE, "fine_0");
    assert_int_equal(vggcl("eval " SET " --weights fine/best.safetensors"), 0);
    assert_says("most often mistaken for");
    assert_says("\nfine_99 ");

    assert_int_equal(vggcl("train " RUN " --labels coarse --epochs 12 --lr 0.05 --save coarse"), 0);
    evaluates("--labels coarse", "coarse/best.safetensors", COARSE, "coarse_0");
    assert_true(number_of("accuracy") > 0.5); /* 0.05 by chance */

    assert_int_equal(vggcl("plan --json " SET " " NETWORK " --labels coarse"), 0);
    double least = number_of("peak_bytes");
    assert_int_equal(vggcl("plan --json " SET " " NETWORK), 0);
    assert_true(number_of("peak_bytes") > least); /* fc2 has more outputs */
}

static void names_both_numbers(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --epochs 1 --save fine"), 0);
    assert_fails(2, "a network of 100 classes, but the data set has 20: CIFAR-100",
                 "eval " SET " --labels coarse --weights fine/best.safetensors");
    assert_says("or other labels (labels)\n"); /* eval has no reset-head */
    assert_fails(2, "a network of 100 classes, but the data set has 10: synthetic",
                 "eval --data synthetic:20,10 --weights fine/best.safetensors");
    assert_fails(2, "a network of 100 classes, but the data set has 20",
                 "train " RUN " --labels coarse --weights fine/best.safetensors --save w");
    assert_says("to train on it, set reset-head");
}

static const float *tensor_of(const struct safetensors *file, const char *name) {
    const struct record *r = safetensors_find(file, name);
    assert_non_null(r);
    return r->values;
}

/* A network of 100 classes becomes one of 20: with a learning rate of 0 the convolutions stay, the linear layers are
 * those of a new network. */
static void gets_a_new_head(void **state) {
    (void)state;
    struct safetensors from, to, fresh;
    char path[3][256];
    static const char *const names[] = {"fine", "head", "fresh"};
    assert_int_equal(vggcl("train " RUN " --epochs 1 --save fine"), 0);
    assert_int_equal(vggcl("train " RUN " --labels coarse --lr 0 --epochs 1 --seed 5 --save fresh"), 0);
    assert_fails(1, "conv1_1.weight has 108 values in the shape of another network",
                 "train " RUN " --width 0.125 --weights fine/best.safetensors --reset-head --save w");
    assert_int_equal(vggcl("train " RUN " --labels coarse --lr 0 --epochs 1 --seed 5 --weights fine/best.safetensors "
                           "--reset-head --save head"),
                     0);
    assert_says("note     the convolutions are those of fine/best.safetensors, the linear layers are new");
    for (int i = 0; i < 3; i++)
        snprintf(path[i], sizeof path[i], "%s/%s/best.safetensors", folder, names[i]);
    assert_int_equal(safetensors_read(path[0], &from), VGGCL_OK);
    assert_int_equal(safetensors_read(path[1], &to), VGGCL_OK);
    assert_int_equal(safetensors_read(path[2], &fresh), VGGCL_OK);
    assert_memory_equal(tensor_of(&from, "conv1_1.weight"), tensor_of(&to, "conv1_1.weight"), 4 * 3 * 9 * 4);
    assert_memory_equal(tensor_of(&from, "conv5_2.weight"), tensor_of(&to, "conv5_2.weight"), 32 * 32 * 9 * 4);
    assert_memory_equal(tensor_of(&fresh, "fc1.weight"), tensor_of(&to, "fc1.weight"), 32 * 32 * 4);
    assert_memory_equal(tensor_of(&fresh, "fc2.weight"), tensor_of(&to, "fc2.weight"), COARSE * 32 * 4);
    assert_memory_not_equal(tensor_of(&fresh, "conv1_1.weight"), tensor_of(&to, "conv1_1.weight"), 4 * 3 * 9 * 4);
    assert_int_equal(safetensors_find(&to, "fc2.weight")->shape[0], COARSE);
    safetensors_free(&from);
    safetensors_free(&to);
    safetensors_free(&fresh);
    assert_fails(2, "reset-head: needs weights", "train " RUN " --reset-head --save w");
}

/* A resumed run keeps its labels. */
static void resumes(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --labels coarse --epochs 2 --save whole"), 0);
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train " RUN " --labels coarse --epochs 2 --steps 11 --save r"), 0);
    assert_fails(2, "labels fine contradicts the run", "train --resume r --labels fine");
    assert_int_equal(vggcl("train --resume r --data-format cifar100"), 0);
    assert_string_equal(weights_hash(), hash);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_both_kinds),     cmocka_unit_test(refuses_what_is_wrong),
        cmocka_unit_test(trains_on_both_kinds), cmocka_unit_test(names_both_numbers),
        cmocka_unit_test(gets_a_new_head),      cmocka_unit_test(resumes),
    };
    return cmocka_run_group_tests(tests, make_set, remove_folder);
}
