/* A set in MNIST's IDX format is trained on and evaluated: images of one channel, some files compressed. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idx.h"
#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRAIN = 400, TEST = 100, SIDE = 28, CLASSES = 5 };

#define RUN "--data set --model vgg11 --width 0.0625 --no-dropout --batch 50 --profile none --no-selfcheck"

static uint8_t label_of(int i) {
    return (uint8_t)(i % CLASSES);
}

/* Stripes, whose width is that of the class, with noise. */
static uint8_t pixel_of(int i, int y, int x) {
    unsigned noise = ((unsigned)i * SIDE * SIDE + (unsigned)(y * SIDE + x)) * 2654435761u >> 27;
    return (uint8_t)((unsigned)((y + i) / (1 + label_of(i)) % 2) * 200 + noise);
}

static int make_set(void **state) {
    if (make_folder(state) || vggcl("version; mkdir set") != 0)
        return -1;
    idx_write_part("set", "train", TRAIN, SIDE, SIDE, pixel_of, label_of);
    idx_write_part("set", "t10k", TEST, SIDE, SIDE, pixel_of, label_of);
#ifdef VGGCL_ZLIB
    if (vggcl("version; gzip set/train-images-idx3-ubyte set/t10k-labels-idx1-ubyte") != 0)
        return -1;
#endif
    return vggcl("version; printf 'one\\ntwo\\nthree\\nfour\\nf\\303\\274nf\\033[2J\\n' >set/names.txt");
}

static double number_of(const char *json_key) {
    json_t *all = json_loads(strchr(output, '{'), 0, NULL);
    double value = json_number_value(json_object_get(all, json_key));
    json_decref(all);
    return value;
}

static void trains(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --epochs 12 --lr 0.05 --save s"), 0);
    assert_says("IDX in set (400 training, 100 test images, 28x28 grey, 5 classes)");
    assert_int_equal(vggcl("eval --data set --weights s/best.safetensors"), 0);
    assert_says("\nthree                         20 ");
    assert_says("\nf\xc3\xbcnf?[2J                      20 "); /* a character is a column; no escape sequences */
    assert_says("  three   four f\xc3\xbcnf?[\n");
    assert_null(strchr(output, 27));
    assert_int_equal(vggcl("eval --data set --weights s/best.safetensors --json"), 0);
    assert_true(number_of("accuracy") > 0.6); /* 0.2 by chance */
}

static void resumes(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --epochs 2 --save whole"), 0);
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train " RUN " --epochs 2 --steps 11 --save r"), 0);
    assert_int_equal(vggcl("train --resume r --data-format idx"), 0);
    assert_string_equal(weights_hash(), hash);
}

/* The plan is made by headers and labels alone. */
static void plans(void **state) {
    (void)state;
    assert_int_equal(vggcl("plan --json --data set --model vgg11 --width 0.0625"), 0);
    double one_channel = number_of("peak_bytes");
    assert_int_equal(vggcl("plan --json --data synthetic:400,100 --model vgg11 --width 0.0625"), 0);
    assert_true(number_of("peak_bytes") > one_channel);
    assert_fails(2, "labels coarse: IDX has one kind of labels", "plan --data set --labels coarse");
    assert_int_equal(vggcl("version; mkdir -p empty; %s plan --data empty 2>&1", VGGCL_PROGRAM), 1);
    assert_says("is an empty folder; `vggcl fetch` downloads CIFAR-10. ");
    assert_says("IDX files (as MNIST's)");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(trains), cmocka_unit_test(resumes), cmocka_unit_test(plans)};
    return cmocka_run_group_tests_name("cli idx", tests, make_set, remove_folder);
}
