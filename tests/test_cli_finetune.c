/* Fine-tuning: class weights for classes of different sizes, frozen convolutions, the choice by held-out images. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "idx.h"
#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES = 3, EACH = 8, EVEN = CLASSES * EACH, UNEVEN = EVEN + EACH, TEST = 12, SIDE = 16, STEPS = 3 };

#define NETWORK "--model vgg11 --width 0.0625 --profile none --no-selfcheck"

/* In files that are sorted by label; a second copy of the last class's images follows. */
static uint8_t label_of(int i) {
    return (uint8_t)(i < EVEN ? i / EACH : CLASSES - 1);
}

/* Stripes, whose width is that of the class, with noise. */
static uint8_t pixel_of(int i, int y, int x) {
    unsigned image = (unsigned)(i < EVEN ? i : i - EACH);
    unsigned noise = (image * SIDE * SIDE + (unsigned)(y * SIDE + x)) * 2654435761u >> 26;
    return (uint8_t)((image + (unsigned)y) / (1u + label_of(i)) % 2 * 190 + noise);
}

/* The test set has all classes. */
static uint8_t test_label_of(int i) {
    return label_of(i * 2);
}

static uint8_t test_pixel_of(int i, int y, int x) {
    return pixel_of(i * 2, y + 1, x);
}

typedef uint8_t image_value(int i, int y, int x);
typedef uint8_t image_label(int i);

static void put_set(const char *name, int train, image_value *pixel, image_label *label, image_value *test_pixel,
                    image_label *test_label) {
    idx_write_part(name, "train", train, SIDE, SIDE, pixel, label);
    idx_write_part(name, "t10k", TEST, SIDE, SIDE, test_pixel, test_label);
}

static int make_sets(void **state) {
    if (make_folder(state) || vggcl("version; mkdir even uneven") != 0)
        return -1;
    put_set("even", EVEN, pixel_of, label_of, test_pixel_of, test_label_of);
    put_set("uneven", UNEVEN, pixel_of, label_of, test_pixel_of, test_label_of);
    return vggcl("train --data even " NETWORK " --batch 8 --epochs 2 --lr 0.05 --save base");
}

/* ------------------------------------------------------------------------------------------------ class weights -- */

/* Steps of plain gradient descent on the whole set at once. */
#define DESCENT                                                                                                        \
    "train " NETWORK " --no-bn --no-dropout --no-flip --no-shuffle --momentum 0 --lr 0.1 --epochs 100 --steps 3 "      \
    "--log-steps losses.csv --save d"

static void read_losses(double losses[STEPS]) {
    char path[128];
    snprintf(path, sizeof path, "%s/losses.csv", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*[^\n]"), 0);
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(fscanf(file, "%*d,%*d,%*f,%lf", &losses[i]), 1);
    fclose(file);
}

/* How far the losses of this run are from the reference's: the largest relative difference. */
static double difference(const double reference[STEPS], const char *options) {
    double losses[STEPS], largest = 0;
    assert_int_equal(vggcl(DESCENT " --data uneven --batch %d %s", UNEVEN, options), 0);
    read_losses(losses);
    for (int i = 0; i < STEPS; i++)
        largest = fmax(largest, fabs(losses[i] / reference[i] - 1));
    return largest;
}

/* A class with every image twice, balanced, is the class with every image once: in the loss and, as the later steps
 * show, in the gradients. The same of parts of a batch, whose labels differ, and of parts on several devices. */
static void balances_classes(void **state) {
    (void)state;
    double reference[STEPS];
    assert_int_equal(vggcl(DESCENT " --data even --batch %d", EVEN), 0);
    read_losses(reference);
    assert_true(reference[STEPS - 1] < reference[0]);
    assert_true(difference(reference, "") > 1e-3);
    assert_true(difference(reference, "--class-weights balanced") < 1e-5);
    assert_says(", balanced class weights, ");
    assert_says(" at the peak on the device, as planned");
    assert_true(difference(reference, "--class-weights balanced --micro-batch 5") < 1e-5);
    assert_true(difference(reference, "--class-weights balanced --device 0:0/2 --device-split 5:3") < 1e-5);
    assert_true(difference(reference, "--class-weights balanced --storage half") < 1e-3);
}

static void weighs_equal_classes_alike(void **state) {
    (void)state;
    char hash[17];
    assert_int_equal(vggcl(DESCENT " --data even"), 0);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(DESCENT " --data even --class-weights balanced"), 0);
    assert_string_equal(weights_hash(), hash);
}

/* Labels of two classes have the weights of both, in parts of a batch too. */
static void weighs_mixed_labels(void **state) {
    (void)state;
    double reference[STEPS];
    assert_int_equal(vggcl(DESCENT " --data uneven --batch %d --class-weights balanced --mixup 1", UNEVEN), 0);
    read_losses(reference);
    assert_true(difference(reference, "--mixup 1") > 5e-5);
    assert_true(difference(reference, "--class-weights balanced") > 5e-5);
    assert_true(difference(reference, "--class-weights balanced --mixup 1 --micro-batch 5") < 1e-5);
}

static void resumes_with_class_weights(void **state) {
    (void)state;
#define WEIGHED "train --data uneven " NETWORK " --batch 10 --class-weights balanced --epochs 1 "
    char hash[17];
    assert_int_equal(vggcl(WEIGHED "--save whole"), 0);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(WEIGHED "--steps 2 --save r"), 0);
    assert_fails(2, "class-weights none contradicts the run", "train --resume r --class-weights none");
    assert_int_equal(vggcl("train --resume r"), 0);
    assert_string_equal(weights_hash(), hash);
}

static void names_a_class_without_images(void **state) {
    (void)state;
    assert_fails(2, "class-weights balanced: class 2 has none of the 16 training images",
                 "train --data even " NETWORK " --limit 16 --class-weights balanced --save n");
    assert_fails(2, "class-weights", "train --data even " NETWORK " --class-weights some --save n");
}

/* ------------------------------------------------------------------------------------------- frozen convolutions -- */

#define FROM  "train --data uneven " NETWORK " --batch 10 --weights base/best.safetensors "
#define TUNED FROM "--reset-head --freeze conv --optimizer adamw --ema 0.9 --lr 0.01 --epochs 2 "

static struct safetensors read_weights(const char *name) {
    struct safetensors file;
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(safetensors_read(path, &file), VGGCL_OK);
    return file;
}

static bool in_head(const char *name) {
    return strncmp(name, "fc", 2) == 0;
}

/* How many of the tensors in the head, or outside of it, have other bits in the second file. */
static int changed(const char *one, const char *other, bool head) {
    struct safetensors a = read_weights(one), b = read_weights(other);
    int count = 0;
    for (size_t i = 0; i < a.count; i++) {
        const struct record *r = &a.records[i], *same = safetensors_find(&b, r->name);
        if (in_head(r->name) != head)
            continue;
        assert_non_null(same);
        count += memcmp(r->values, same->values, record_count(r) * sizeof *r->values) != 0;
    }
    safetensors_free(&a);
    safetensors_free(&b);
    return count;
}

/* Weights, batch-norm parameters and statistics stay, with and without averages; the linear layers do not. */
static void freezes_convolutions(void **state) {
    (void)state;
    assert_int_equal(vggcl(FROM "--freeze conv --lr 0.05 --epochs 1 --save f"), 0);
    assert_says("note     the convolutions and their batch normalisation are frozen");
    assert_says(" trained parameters, with batch normalisation, classifier dropout");
    assert_says("as planned");
    assert_int_equal(changed("base/best.safetensors", "f/best.safetensors", false), 0);
    assert_int_equal(changed("base/best.safetensors", "f/best.safetensors", true), 4);
    assert_int_equal(vggcl(FROM "--lr 0.05 --epochs 1 --save all"), 0);
    assert_true(changed("base/best.safetensors", "all/best.safetensors", false) > 0);
    assert_int_equal(vggcl(TUNED "--save whole"), 0);
    assert_int_equal(changed("base/best.safetensors", "whole/best.safetensors", false), 0);
    assert_int_equal(changed("base/best.safetensors", "whole/best.safetensors", true), 4);
    assert_int_equal(vggcl("eval --data uneven --weights whole/best.safetensors --profile none"), 0);
}

/* As the README says it. */
static void follows_the_recipe(void **state) {
    (void)state;
    assert_int_equal(vggcl("train --data uneven " NETWORK " --weights base/best.safetensors --reset-head "
                           "--recipe finetune --save recipe"),
                     0);
    assert_says("recipe   finetune: batch 16, lr 0.001 after 1 epochs of warm-up, cosine to 0, AdamW");
    assert_says("note     the convolutions are those of base/best.safetensors, the linear layers are new");
    assert_says("done after 20 epochs, 40 steps, in ");
    assert_fails(2, "momentum: is an option of the optimizer sgd",
                 "train --data uneven " NETWORK " --recipe finetune --momentum 0.5 --save recipe");
}

/* The state has no moments and averages of what is frozen. */
static void resumes_frozen(void **state) {
    (void)state;
    char hash[17];
    assert_int_equal(vggcl(TUNED "--save whole"), 0);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(TUNED "--steps 5 --save r"), 0);
    struct safetensors saved = read_weights("r/last.safetensors");
    static const char *const kinds[] = {"exp_avg", "exp_avg_sq", "average"};
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.fc1.weight", kinds[i]);
        assert_non_null(safetensors_find(&saved, name));
        snprintf(name, sizeof name, "%s.conv1_1.weight", kinds[i]);
        assert_null(safetensors_find(&saved, name));
    }
    safetensors_free(&saved);
    assert_fails(2, "freeze none contradicts the run", "train --resume r --freeze none");
    assert_int_equal(vggcl("train --resume r"), 0);
    assert_string_equal(weights_hash(), hash);
}

/* Nothing depends on a batch's statistics: parts add up to the batch, in micro-batches and, bit for bit alike, on
 * devices, which get the frozen weights once. */
static void splits_frozen_batches(void **state) {
    (void)state;
    double whole[STEPS], parts[STEPS];
    char hash[17];
#define LOGGED "--freeze conv --epochs 1 --steps 3 --log-steps losses.csv --save d "
    assert_int_equal(vggcl(FROM LOGGED), 0);
    read_losses(whole);
    assert_int_equal(vggcl(FROM LOGGED "--micro-batch 5"), 0);
    assert_null(strstr(output, "own statistics"));
    read_losses(parts);
    for (int i = 0; i < STEPS; i++)
        assert_true(fabs(parts[i] / whole[i] - 1) < 1e-5);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl(FROM LOGGED "--device 0:0/2"), 0);
    assert_string_equal(weights_hash(), hash);
}

/* Bytes of a group of the last plan. */
static double bytes_of(const char *group) {
    json_t *all = json_loads(strchr(output, '{'), 0, NULL), *one;
    double bytes = -1;
    size_t i;
    json_array_foreach(json_object_get(all, "groups"), i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), group) == 0)
            bytes = json_number_value(json_object_get(one, "bytes"));
    }
    json_decref(all);
    return bytes;
}

/* The optimiser's states, gradients and kept activations are those of the linear layers. */
static void plans_frozen(void **state) {
    (void)state;
    static const char *const smaller[] = {"weights", "weight gradients", "momentum", "activations and their gradients"};
    enum { GROUPS = sizeof smaller / sizeof *smaller };
    double before[GROUPS];
    assert_int_equal(vggcl("plan --data uneven --model vgg11 --width 0.0625 --profile none --json"), 0);
    assert_true(bytes_of("frozen weights and statistics") == 0);
    for (int i = 0; i < GROUPS; i++)
        assert_true((before[i] = bytes_of(smaller[i])) > 0);
    assert_int_equal(vggcl("plan --data uneven --model vgg11 --width 0.0625 --profile none --freeze conv --json"), 0);
    assert_true(bytes_of("frozen weights and statistics") > 0);
    assert_true(bytes_of("running statistics") == 0);
    for (int i = 0; i < GROUPS; i++)
        assert_true(bytes_of(smaller[i]) < before[i] / 2);
}

static void freezing_needs_weights(void **state) {
    (void)state;
    assert_fails(2, "freeze conv: needs weights, a file with trained convolutions",
                 "train --data even " NETWORK " --freeze conv --save n");
    assert_fails(2, "freeze", "train --data even " NETWORK " --freeze some --save n");
}

/* --------------------------------------------------------------------------------------------- held-out images -- */

enum { MIXED = 120, HELD_OUT = 24 };

static uint8_t mixed_label_of(int i) {
    return (uint8_t)(i % CLASSES);
}

static uint8_t mixed_pixel_of(int i, int y, int x) {
    return (uint8_t)((unsigned)(i + y) / (1u + mixed_label_of(i)) % 2 * 190 + (unsigned)(i * 31 + y * 7 + x * 13) % 60);
}

static uint8_t wrong_label_of(int i) {
    return (uint8_t)((i + 1) % CLASSES);
}

static double accuracy_of(const char *options) {
    assert_int_equal(vggcl("eval --data mixed --weights v/best.safetensors --profile none --json %s", options), 0);
    json_t *all = json_loads(strchr(output, '{'), 0, NULL);
    double accuracy = json_number_value(json_object_get(all, "accuracy"));
    json_decref(all);
    return accuracy;
}

/* The test set's labels are wrong: what learns gets worse on it. */
static void best_is_by_held_out_images(void **state) {
    (void)state;
    int epoch = 0, last = 0, best_row = 0;
    double best = 0, accuracy, highest = -1;
    char path[128];
    assert_int_equal(vggcl("version; mkdir mixed"), 0);
    put_set("mixed", MIXED, mixed_pixel_of, mixed_label_of, mixed_pixel_of, wrong_label_of);
    assert_int_equal(vggcl("train --data mixed " NETWORK " --no-dropout --no-flip --batch 16 --epochs 8 --lr 0.05 "
                           "--validate %d --save v",
                           HELD_OUT),
                     0);
    assert_int_equal(
        sscanf(strstr(output, "best test accuracy"), "best test accuracy %lf %% in epoch %d", &best, &epoch), 2);
    snprintf(path, sizeof path, "%s/v/accuracy.csv", folder);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*[^\n]"), 0);
    while (fscanf(file, "%d,%*f,%*f,%*f,%*f,%lf%*[^\n]", &last, &accuracy) == 2)
        if (accuracy > highest) {
            highest = accuracy;
            best_row = last;
        }
    fclose(file);
    assert_int_equal(last, 8);
    assert_int_equal(best_row, epoch);
    assert_true(fabs(100 * highest - best) < 0.005);
    assert_true(highest > 0.6); /* 0.33 by chance */
    assert_true(fabs(accuracy_of("--validate 24") - highest) < 1e-6);
    assert_true(accuracy_of("") < 0.3);
}

/* The network is that of the weights; an option that chooses another one is refused. */
static void network_of_the_weights(void **state) {
    (void)state;
    char hash[17];
    const char *run =
        "train --data even --profile none --no-selfcheck --batch 8 --epochs 1 --weights base/best.safetensors";
    assert_int_equal(vggcl("%s --model vgg11 --width 0.0625 --save n1", run), 0);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("%s --save n2", run), 0);
    assert_says("vgg11, width 0.0625");
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("%s --reset-head --save n3", run), 0);
    assert_says("vgg11, width 0.0625");
    assert_fails(1, "base/best.safetensors", "%s --width 0.125 --save n4", run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balances_classes),
        cmocka_unit_test(weighs_equal_classes_alike),
        cmocka_unit_test(weighs_mixed_labels),
        cmocka_unit_test(resumes_with_class_weights),
        cmocka_unit_test(names_a_class_without_images),
        cmocka_unit_test(freezes_convolutions),
        cmocka_unit_test(follows_the_recipe),
        cmocka_unit_test(resumes_frozen),
        cmocka_unit_test(splits_frozen_batches),
        cmocka_unit_test(plans_frozen),
        cmocka_unit_test(freezing_needs_weights),
        cmocka_unit_test(best_is_by_held_out_images),
        cmocka_unit_test(network_of_the_weights),
    };
    return cmocka_run_group_tests_name("cli finetune", tests, make_sets, remove_folder);
}
