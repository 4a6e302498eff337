/* What checkpoints say about a network, so that eval, predict and --resume need no flags: how its images are
 * normalised, which data set it was trained on, and what its layers are. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "data/normalise.h"
#include "files/safetensors.h"
#include "idx.h"
#include "program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SET     "synthetic:60,20"
#define NETWORK "--model 128,M,256,M --width 0.0625 --no-dropout --batch 20 --profile none --no-selfcheck "
#define TRAIN   "train --data " SET " " NETWORK

static const char *path_of(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void open_file(struct safetensors *file, const char *name) {
    if (safetensors_read(path_of(name), file) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
}

/* The number after `label` in the output. */
static double number_after(const char *label) {
    const char *at = strstr(output, label);
    assert_non_null(at);
    return strtod(at + strlen(label), NULL);
}

/* The test loss of the last epoch of the run in a folder. */
static double trained_loss(const char *save) {
    assert_int_equal(vggcl("version >/dev/null; tail -n 1 %s/accuracy.csv | sed 's/^/row,/'", save), 0);
    const char *at = output;
    for (int column = 0; column < 5; column++)
        at = strchr(at, ',') + 1;
    return strtod(at, NULL);
}

static double evaluated_loss(const char *flags) {
    assert_int_equal(vggcl("eval --profile none --batch 20 --data " SET " %s", flags), 0);
    return number_after("test loss ");
}

/* ------------------------------------------------------------------------------------------------ normalisation -- */

/* Copies the tensors alone, as another program would have written them. */
static void strip_metadata(const char *from, const char *to) {
    struct safetensors file;
    struct folder here;
    open_file(&file, from);
    assert_int_equal(folder_open(&here, folder), VGGCL_OK);
    assert_int_equal(safetensors_write(&here, to, file.records, file.count, NULL), VGGCL_OK);
    folder_close(&here);
    safetensors_free(&file);
}

static void open_set(struct data *data) {
    const struct data_source source = {.name = SET};
    assert_int_equal(data_open(&source, data), VGGCL_OK);
}

static void expect_numbers(const struct safetensors *file, const char *key, const double *values, size_t count) {
    char text[NORMALISE_TEXT];
    normalise_list(values, count, text);
    assert_string_equal(safetensors_metadata(file, key), text);
}

/* Tells each channel's mean and standard deviation; eval gets the loss that training got, without a flag. */
static void stores_the_normalisation(void **state) {
    (void)state;
    struct safetensors file;
    struct normalisation measured;
    struct data data;
    assert_int_equal(vggcl(TRAIN "--normalize dataset --epochs 1 --save n"), 0);
    assert_says("normalised by dataset");
    double loss = trained_loss("n");
    assert_true(fabs(evaluated_loss("--weights n/best.safetensors") - loss) < 2e-6);
    assert_true(fabs(evaluated_loss("--weights n/last.safetensors --normalize dataset") - loss) < 2e-6);

    open_set(&data);
    assert_int_equal(normalise(VGGCL_NORMALIZE_DATASET, &data.spec, &data.train, &measured), VGGCL_OK);
    open_file(&file, "n/best.safetensors");
    expect_numbers(&file, "image.mean", measured.mean, 3);
    expect_numbers(&file, "image.std", measured.deviation, 3);
    assert_non_null(strstr(safetensors_metadata(&file, "preprocessing"), "RGB, NCHW, (x/255 - mean)/std, mean 0."));
    assert_true(measured.mean[0] > 0.2 && measured.mean[0] < 0.8 && measured.deviation[0] > 0.05);
    safetensors_free(&file);
    data_free(&data);

    assert_fails(2, "normalize half: the network in n/best.safetensors was trained with dataset; leave the option out",
                 "eval --data " SET " --weights n/best.safetensors --normalize half");
    strip_metadata("n/best.safetensors", "plain.safetensors");
    assert_true(fabs(evaluated_loss("--weights plain.safetensors --normalize dataset") - loss) < 2e-6);
    assert_true(fabs(evaluated_loss("--weights plain.safetensors") - loss) > 1e-4);
}

/* From pixels in memory; and from a file that does not say how. */
static void predicts_normalised(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_predictor *predictor;
    struct data data;
    float probabilities[10], expected;
    assert_int_equal(vggcl("eval --profile none --batch 20 --data " SET " --weights n/best.safetensors "
                           "--predictions p.csv; sed -n 2p p.csv"),
                     0);
    expected = strtof(strrchr(output, ',') + 1, NULL);
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    strcpy(config.weights, path_of("n/best.safetensors"));
    strcpy(config.profile, "none");
    config.batch = 20;
    open_set(&data);
    if (vggcl_predictor_open(&config, &predictor) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(vggcl_predict(predictor, data.test.pixels, 1, probabilities), VGGCL_OK);
    vggcl_predictor_free(predictor);
    data_free(&data);
    float largest = 0;
    for (int i = 0; i < 10; i++)
        largest = fmaxf(largest, probabilities[i]);
    assert_true(fabsf(largest - expected) < 2e-6f);
    strcpy(config.weights, path_of("plain.safetensors"));
    config.size = 32;
    assert_int_equal(vggcl_config_set(&config, "normalize", "dataset"), VGGCL_OK);
    assert_int_equal(vggcl_predictor_open(&config, &predictor), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "there are no training images to measure"));
}

/* A resumed run, and one that starts from weights, take it from the file. */
static void keeps_the_normalisation(void **state) {
    (void)state;
    struct safetensors from, file;
    char whole[64];
    assert_int_equal(vggcl(TRAIN "--normalize imagenet --steps 4 --save w"), 0);
    strcpy(whole, weights_hash());
    assert_int_equal(vggcl(TRAIN "--normalize imagenet --steps 2 --save r"), 0);
    assert_fails(2, "normalize half contradicts the run", "train --resume r --normalize half");
    assert_int_equal(vggcl("train --resume r --steps 4 --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl(TRAIN "--steps 4 --save h"), 0);
    assert_string_not_equal(weights_hash(), whole);

    assert_int_equal(vggcl(TRAIN "--weights n/best.safetensors --seed 5 --steps 1 --save t"), 0);
    open_file(&from, "n/best.safetensors");
    open_file(&file, "t/last.safetensors");
    static const char *const keys[] = {"image.mean", "image.std", "preprocessing", "normalize"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(safetensors_metadata(&file, keys[i]), safetensors_metadata(&from, keys[i]));
    safetensors_free(&file);
    safetensors_free(&from);
    assert_int_equal(vggcl(TRAIN "--weights n/best.safetensors --normalize half --steps 1 --save t"), 0);
    open_file(&file, "t/last.safetensors");
    assert_string_equal(safetensors_metadata(&file, "image.mean"), "[0.5,0.5,0.5]");
    assert_string_equal(safetensors_metadata(&file, "preprocessing"), "RGB, NCHW, " VGGCL_PREPROCESSING);
    safetensors_free(&file);
}

/* The grey set of make_grey(); and damaged metadata. */
static void refuses_normalisations(void **state) {
    (void)state;
    assert_fails(2, "normalize imagenet: is for images of 3 channels, but these have 1",
                 "train --data grey --normalize imagenet " NETWORK);
    assert_fails(2, "normalize: takes one of half, dataset, imagenet, not 'mean'", "train --normalize mean");
    static const char *const damaged[] = {"[0.5,0.5]", "[0.5,0.5,\\\"x\\\"]", "[0.1,0.2,0]", "0.5"};
    for (int i = 0; i < 4; i++) {
        struct safetensors file;
        struct folder here;
        const char *pairs[] = {"producer", "vggcl", "image.mean", "[0.5,0,0.5]", "image.std", damaged[i], NULL};
        open_file(&file, "n/best.safetensors");
        assert_int_equal(folder_open(&here, folder), VGGCL_OK);
        assert_int_equal(safetensors_write(&here, "bad.safetensors", file.records, file.count, pairs), VGGCL_OK);
        folder_close(&here);
        safetensors_free(&file);
        assert_fails(1, "bad.safetensors: its metadata does not have 3 numbers of at least 1e-06 in image.std",
                     "eval --data " SET " --weights bad.safetensors");
    }
}

/* --------------------------------------------------------------------------------------------------- data sets -- */

static uint8_t grey_pixel(int i, int y, int x) {
    return (uint8_t)(20 * i + y + x);
}

static uint8_t grey_label(int i) {
    return (uint8_t)(i % 2);
}

/* Small images of one channel and two classes. */
static int make_grey(void **state) {
    if (make_folder(state) || vggcl("version >/dev/null; mkdir grey"))
        return -1;
    idx_write_part("grey", "train", 10, 8, 8, grey_pixel, grey_label);
    idx_write_part("grey", "t10k", 10, 8, 8, grey_pixel, grey_label);
    return 0;
}

#define EVAL_GREY "eval --profile none --weights g/best.safetensors "

/* Other images than the network was trained on are said; the same images elsewhere, or some of them, are not others. */
static void warns_of_other_data(void **state) {
    (void)state;
    assert_int_equal(vggcl("train --data grey --validate 2 --limit 6 " NETWORK "--epochs 1 --save g"), 0);
    assert_int_equal(vggcl(EVAL_GREY), 0);
    assert_null(strstr(output, "warning"));
    assert_int_equal(vggcl("version >/dev/null; cp -r grey moved"), 0);
    assert_int_equal(vggcl(EVAL_GREY "--data moved --limit 4"), 0);
    assert_null(strstr(output, "warning"));
    assert_int_equal(vggcl(EVAL_GREY "--data moved --json"), 0);
    assert_says("\"warning\": null");
    assert_int_equal(vggcl("version >/dev/null; printf x | dd of=moved/train-images-idx3-ubyte bs=1 seek=99 "
                           "conv=notrunc status=none"),
                     0);
    assert_int_equal(vggcl(EVAL_GREY "--data moved"), 0);
    assert_says("vggcl: warning: g/best.safetensors: was trained on another data set, ");
    assert_says(" in grey (");
    assert_says(" in moved (");
    assert_int_equal(vggcl(EVAL_GREY "--data moved --json 2>&-"), 0);
    assert_says("\"warning\": \"g/best.safetensors: was trained on another data set");
    assert_fails(2, "is a network of 2 classes, but the data set has 10", EVAL_GREY "--data " SET);
}

/* ----------------------------------------------------------------------------------------------- lists of layers -- */

#define LIST "--model 64,64,M,128,M,96 --width 0.0625 --batch 5 --profile none --no-selfcheck "

/* A network from a list of its layers: eval and --resume need no flags, nor a file without metadata --model. */
static void trains_a_list(void **state) {
    (void)state;
    char whole[64];
    assert_int_equal(vggcl("train --data grey --epochs 2 " LIST "--save l"), 0);
    assert_says("network  64,64,M,128,M,96, width 0.0625: ");
    strcpy(whole, weights_hash());
    double loss = trained_loss("l");
    assert_int_equal(vggcl("eval --profile none --weights l/last.safetensors"), 0);
    assert_says("64,64,M,128,M,96, width 0.0625, on ");
    assert_true(fabs(number_after("test loss ") - loss) < 2e-6);
    assert_int_equal(vggcl("train --data grey --steps 3 " LIST "--save m"), 0);
    assert_fails(2, "model vgg16 contradicts the run", "train --resume m --model vgg16");
    assert_int_equal(vggcl("train --resume m --epochs 2 --steps 4 --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl("train --data grey --config l/config.json --steps 4 --no-selfcheck --save c"), 0);
    assert_string_equal(weights_hash(), whole);
    assert_int_equal(vggcl("train --data grey --weights l/best.safetensors --steps 1 " LIST "--save m"), 0);
    assert_fails(2, "model 8,M,8,M,8,M,8,M: element 8, 'M', does not fit: images of 8x8 pixels have become 1x1",
                 "train --data grey --model 8,M,8,M,8,M,8,M --save m");
    assert_fails(2, "model 8,M,8,K: element 4, 'K', is neither a number", "plan --model 8,M,8,K");
    assert_int_equal(vggcl("selfcheck --quick --profile none --batch 2 --model 16,M,16,16,M"), 0);
}

/* ------------------------------------------------------------------------------------------------------ the head -- */

#define AVERAGED "--model 64,M,96 --head avgpool --width 0.0625 --batch 5 --profile none --no-selfcheck "

/* With global average pooling, eval and fine-tuning take images of another size; eval and --resume need no --head. */
static void averages_any_size(void **state) {
    (void)state;
    char whole[64];
    assert_int_equal(vggcl("version >/dev/null; mkdir large"), 0);
    idx_write_part("large", "train", 10, 12, 20, grey_pixel, grey_label);
    idx_write_part("large", "t10k", 10, 12, 20, grey_pixel, grey_label);
    assert_int_equal(vggcl("train --data grey --epochs 2 " AVERAGED "--save a"), 0);
    assert_says(", global average pooling\n");
    strcpy(whole, weights_hash());
    double loss = trained_loss("a");
    assert_int_equal(vggcl("eval --profile none --weights a/last.safetensors"), 0);
    assert_true(fabs(number_after("test loss ") - loss) < 2e-6);
    assert_int_equal(vggcl("eval --profile none --weights a/last.safetensors --data large"), 0);
    assert_says("vggcl: warning: a/last.safetensors: was trained on another data set");
    assert_int_equal(vggcl("train --data large --weights a/best.safetensors --steps 1 " AVERAGED "--save b"), 0);
    struct vggcl_config config;
    struct vggcl_predictor *predictor;
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    strcpy(config.weights, path_of("a/best.safetensors"));
    strcpy(config.profile, "none");
    config.size = 20;
    assert_int_equal(vggcl_predictor_open(&config, &predictor), VGGCL_OK);
    assert_int_equal(vggcl_predictor_describe(predictor)->height, 20);
    vggcl_predictor_free(predictor);
    assert_fails(2, "is a network for images of 8x8 pixels, but those of the data set have 20x12",
                 "eval --profile none --weights l/last.safetensors --data large");
    assert_int_equal(vggcl("train --data grey --steps 3 " AVERAGED "--save b"), 0);
    assert_fails(2, "head flatten contradicts the run", "train --resume b --head flatten");
    assert_int_equal(vggcl("train --resume b --epochs 2 --steps 4 --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), whole);
}

/* Losses as in double precision on the host. */
static void averages_exactly(void **state) {
    (void)state;
    enum { STEPS = 3 };
    struct vggcl_config config;
    struct vggcl_loss losses[STEPS];
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    strcpy(config.model, "64,M,96,M");
    strcpy(config.profile, "none");
    config.head = VGGCL_HEAD_AVGPOOL;
    config.width = 0.0625;
    config.batch = 4;
    if (vggcl_first_losses(&config, STEPS, losses) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    for (int i = 0; i < STEPS; i++)
        assert_true(losses[i].reference > 1 && fabs(losses[i].device - losses[i].reference) <= losses[i].tolerance);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_the_normalisation), cmocka_unit_test(predicts_normalised),
        cmocka_unit_test(keeps_the_normalisation),  cmocka_unit_test(refuses_normalisations),
        cmocka_unit_test(warns_of_other_data),      cmocka_unit_test(trains_a_list),
        cmocka_unit_test(averages_any_size),        cmocka_unit_test(averages_exactly),
    };
    return cmocka_run_group_tests(tests, make_grey, remove_folder);
}
