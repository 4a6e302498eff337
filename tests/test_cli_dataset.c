/* Training, evaluating, planning and resuming with images in memory (struct vggcl_dataset): the same as with the same
 * images in files. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "idx.h"
#include "options/options.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

enum { TRAIN = 80, TEST = 24, HEIGHT = 20, WIDTH = 12, CLASSES = 3, BATCH = 32 };
#define SYNTHETIC "synthetic:80,24"

static char idx_set[96]; /* of grey images that are not square */

static uint8_t label_of(int i) {
    return (uint8_t)(i % CLASSES);
}

static uint8_t pixel_of(int i, int y, int x) {
    unsigned noise = ((unsigned)i * HEIGHT * WIDTH + (unsigned)(y * WIDTH + x)) * 2654435761u >> 27;
    return (uint8_t)((unsigned)((y + i) / (1 + label_of(i)) % 2) * 200 + noise);
}

static int make_set(void **state) {
    if (make_folder(state) || vggcl("version; mkdir set; printf 'one\\ntwo\\nthree\\n' >set/names.txt") != 0)
        return -1;
    snprintf(idx_set, sizeof idx_set, "%s/set", folder);
    idx_write_part("set", "train", TRAIN, HEIGHT, WIDTH, pixel_of, label_of);
    idx_write_part("set", "t10k", TEST, HEIGHT, WIDTH, pixel_of, label_of);
    return 0;
}

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        if ((call) != VGGCL_OK)                                                                                        \
            fail_msg("%s: %s", #call, vggcl_error());                                                                  \
    } while (0)
#define FAILS(call, code, text)                                                                                        \
    do {                                                                                                               \
        enum vggcl_err err_ = (call);                                                                                  \
        if (err_ != (code) || !strstr(vggcl_error(), (text)))                                                          \
            fail_msg("%s: %d: %s", #call, err_, vggcl_error());                                                        \
    } while (0)

/* ----------------------------------------------------------------------------------------------- sets in memory -- */

static uint8_t *interleave(const struct dataset *set, const struct data_spec *spec) {
    size_t plane = spec->height * spec->width;
    uint8_t *pixels = malloc(set->count * data_image_bytes(spec) + 1);
    for (size_t i = 0; i < set->count; i++)
        for (size_t c = 0; c < spec->channels; c++)
            for (size_t k = 0; k < plane; k++)
                pixels[(i * plane + k) * spec->channels + c] = set->pixels[(i * spec->channels + c) * plane + k];
    return pixels;
}

struct change {
    bool interleaved, no_train, no_test, transposed;
    size_t more_classes;
};

/* The images of the data set of that name, changed as change says. */
static struct vggcl_dataset *from_files(const char *name, struct change change) {
    struct data data;
    struct vggcl_dataset *dataset;
    CHECK(data_open(&(struct data_source){.name = name}, &data));
    const struct data_spec *spec = &data.spec;
    struct vggcl_dataset_source source = {.height = change.transposed ? spec->width : spec->height,
                                          .width = change.transposed ? spec->height : spec->width,
                                          .channels = spec->channels,
                                          .classes = spec->classes + change.more_classes,
                                          .interleaved = change.interleaved,
                                          .class_names =
                                              change.more_classes ? NULL : (const char *const *)spec->class_names,
                                          .train = {data.train.pixels, data.train.labels, data.train.count},
                                          .test = {data.test.pixels, data.test.labels, data.test.count}};
    uint8_t *train = interleave(&data.train, spec), *test = interleave(&data.test, spec);
    if (change.interleaved) {
        source.train.pixels = train;
        source.test.pixels = test;
    }
    source.train.count = change.no_train ? 0 : source.train.count;
    source.test.count = change.no_test ? 0 : source.test.count;
    CHECK(vggcl_dataset_create(&source, &dataset));
    free(train);
    free(test);
    data_free(&data);
    return dataset;
}

/* ---------------------------------------------------------------------------------------------------------- runs -- */

/* With options "name=value" up to NULL. */
static void configure_list(struct vggcl_config *config, const char *const *options) {
    CHECK(vggcl_config_init(config));
    for (; *options; options++) {
        char name[32], value[160];
        assert_int_equal(sscanf(*options, "%31[^=]=%159s", name, value), 2);
        CHECK(vggcl_config_set(config, name, value));
    }
}
#define CONFIGURE(config, ...) configure_list((config), (const char *const[]){__VA_ARGS__, NULL})
#define NETWORK                "model=vgg11", "width=0.0625", "batch=32", "no-dropout=yes", "profile=none", "no-selfcheck=yes"

static const char *in_folder(const char *option, const char *name) {
    static char texts[8][160];
    static int next;
    char *text = texts[next++ % 8];
    snprintf(text, sizeof texts[0], "%s=%s/%s", option, folder, name);
    return text;
}

static char described[VGGCL_PATH_MAX];

static void started(const struct vggcl_start *start, void *payload) {
    (void)payload;
    strcpy(described, start->dataset);
}

static void finished(const struct vggcl_finish *finish, void *payload) {
    *(uint64_t *)payload = finish->weights_hash;
}

static bool stop(void *payload) {
    (void)payload;
    return true;
}

/* The hash of the trained weights. With steps 0 the run stops before its first step. */
static uint64_t train(const struct vggcl_config *config) {
    uint64_t hash = 0;
    struct vggcl_observer observer = {.started = started, .finished = finished, .payload = &hash};
    if (config_gives(config, "steps") && !config->steps)
        observer.stop = stop;
    CHECK(vggcl_train(config, &observer));
    return hash;
}

static uint64_t train_by_name(const char *name, const char *option) {
    struct vggcl_config config;
    CONFIGURE(&config, NETWORK, "epochs=2", in_folder("save", "files"), option);
    snprintf(config.data, sizeof config.data, "%s", name);
    return train(&config);
}

static uint64_t train_in_memory(struct vggcl_dataset *dataset, const char *option) {
    struct vggcl_config config;
    CONFIGURE(&config, NETWORK, "epochs=2", in_folder("save", "memory"), option);
    config.dataset = dataset;
    uint64_t hash = train(&config);
    vggcl_dataset_free(dataset);
    return hash;
}

/* -------------------------------------------------------------------------------------------------------- tests -- */

static void trains_as_with_files(void **state) {
    (void)state;
    const char *const names[] = {SYNTHETIC, idx_set};
    for (int i = 0; i < 2; i++) {
        uint64_t hash = train_by_name(names[i], "crop=2");
        assert_int_equal(train_in_memory(from_files(names[i], (struct change){0}), "crop=2"), hash);
        assert_int_equal(train_in_memory(from_files(names[i], (struct change){.interleaved = true}), "crop=2"), hash);
    }
    assert_string_equal(described, "images in memory (80 training, 24 test images, 12x20 grey, 3 classes)");
}

static void holds_training_images_out(void **state) {
    (void)state;
    uint64_t hash = train_by_name(SYNTHETIC, "validate=16");
    assert_int_equal(train_in_memory(from_files(SYNTHETIC, (struct change){.no_test = true}), "validate=16"), hash);
}

static struct vggcl_evaluation evaluate(const char *name, const struct vggcl_dataset *dataset) {
    struct vggcl_config config;
    struct vggcl_evaluation evaluation;
    CONFIGURE(&config, "profile=none", in_folder("weights", "memory/best.safetensors"));
    snprintf(config.data, sizeof config.data, "%s", name);
    config.dataset = dataset;
    CHECK(vggcl_evaluate(&config, &evaluation));
    return evaluation;
}

static void evaluates(void **state) {
    (void)state;
    train_in_memory(from_files(idx_set, (struct change){0}), "crop=0");
    struct vggcl_dataset *tests = from_files(idx_set, (struct change){.no_train = true});
    struct vggcl_evaluation a = evaluate("", tests), b = evaluate(idx_set, NULL);
    assert_int_equal(a.images, TEST);
    assert_int_equal(a.correct, b.correct);
    assert_memory_equal(&a.loss, &b.loss, sizeof a.loss);
    assert_string_equal(a.classes[2], "three");
    for (size_t i = 0; i < TEST; i++) {
        assert_null(a.predictions[i].file);
        assert_int_equal(a.predictions[i].label, label_of((int)i));
        assert_int_equal(a.predictions[i].predicted, b.predictions[i].predicted);
    }
    vggcl_evaluation_free(&a);
    vggcl_evaluation_free(&b);
    vggcl_dataset_free(tests);
}

/* The program cannot have the images of such a run, except in files. */
static void program_explains(void **state) {
    (void)state;
    train_in_memory(from_files(idx_set, (struct change){0}), "crop=0");
    assert_fails(2, "the images are in the memory of a C program, which has to set dataset",
                 "train --resume memory --epochs 9");
    assert_fails(2, "if a folder has the same images, set data to it", "eval --weights memory/best.safetensors");
    assert_int_equal(vggcl("eval --weights memory/best.safetensors --data set --profile none"), 0);
    assert_int_equal(
        vggcl("train --resume memory --data set --data-format auto --epochs 3 --no-selfcheck --save elsewhere"), 0);
    assert_says("data-format: auto from now on, memory so far");
    assert_fails(2, "data-format memory: ", "train --config memory/config.json --save new");
}

static void plans(void **state) {
    (void)state;
    struct vggcl_dataset *dataset = from_files(SYNTHETIC, (struct change){0});
    uint64_t bytes[2];
    for (int turn = 0; turn < 4; turn++) {
        struct vggcl_config config;
        struct vggcl_plan *plan;
        size_t count;
        CONFIGURE(&config, NETWORK, turn % 2 ? "data-format=auto" : "data=" SYNTHETIC);
        config.dataset = turn % 2 ? dataset : NULL;
        CHECK(vggcl_plan(&config, turn >= 2, &plan, &count));
        bytes[turn % 2] = plan->bytes;
        vggcl_plans_free(plan);
        if (turn % 2)
            assert_int_equal(bytes[0], bytes[1]);
    }
    vggcl_dataset_free(dataset);
}

/* Resumes the run in the folder `begun` with images of that set, into another folder. */
static enum vggcl_err resume(const char *name, struct change change, uint64_t *hash) {
    struct vggcl_config config;
    struct vggcl_observer observer = {.finished = finished, .payload = hash};
    struct vggcl_dataset *dataset = name ? from_files(name, change) : NULL;
    CONFIGURE(&config, "no-selfcheck=yes", in_folder("resume", "begun"), in_folder("save", "ended"));
    config.dataset = dataset;
    enum vggcl_err err = vggcl_train(&config, &observer);
    vggcl_dataset_free(dataset);
    return err;
}

static void begin(const char *name, bool in_memory, const char *steps) {
    struct vggcl_config config;
    struct vggcl_dataset *dataset = from_files(name, (struct change){0});
    CONFIGURE(&config, NETWORK, "epochs=2", steps, in_folder("save", "begun"));
    if (in_memory)
        config.dataset = dataset;
    else
        snprintf(config.data, sizeof config.data, "%s", name);
    train(&config);
    vggcl_dataset_free(dataset);
}

/* Whether the run began in memory or with files. */
static void resumes(void **state) {
    (void)state;
    uint64_t hash, whole = train_by_name(idx_set, "crop=0");
    for (int turn = 0; turn < 2; turn++) {
        begin(idx_set, turn == 0, "steps=4");
        CHECK(resume(idx_set, (struct change){0}, &hash));
        assert_int_equal(hash, whole);
    }
}

/* Also before the first step, where the state has no tensors yet, and for bytes that are the same. */
static void resumes_with_nothing_else(void **state) {
    (void)state;
    static const char *const steps[] = {"steps=0", "steps=4"};
    uint64_t hash;
    for (int i = 0; i < 2; i++) {
        begin(idx_set, true, steps[i]);
        FAILS(resume(NULL, (struct change){0}, &hash), VGGCL_EUSAGE, "has to set dataset to them");
        FAILS(resume(SYNTHETIC, (struct change){0}, &hash), VGGCL_EUSAGE, "other images than those of the run in ");
        FAILS(resume(idx_set, (struct change){.no_test = true}, &hash), VGGCL_EUSAGE, "dataset: has no test images");
        FAILS(resume(idx_set, (struct change){.transposed = true}, &hash), VGGCL_EUSAGE,
              "its images have 20x12 pixels of 1 channels and 3 classes, but those of the run in ");
        FAILS(resume(idx_set, (struct change){.more_classes = 2}, &hash), VGGCL_EUSAGE, "1 channels and 5 classes");
    }
}

static void refuses_contradictions(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_evaluation evaluation;
    struct vggcl_plan *plan;
    size_t count;
    struct vggcl_dataset *all = from_files(SYNTHETIC, (struct change){0});
    struct vggcl_dataset *tests = from_files(SYNTHETIC, (struct change){.no_train = true});
    struct vggcl_dataset *training = from_files(SYNTHETIC, (struct change){.no_test = true});
    CONFIGURE(&config, NETWORK, in_folder("save", "none"), "data=" SYNTHETIC);
    config.dataset = all;
    FAILS(vggcl_train(&config, NULL), VGGCL_EUSAGE, "data: is " SYNTHETIC ", but dataset is set too");
    FAILS(vggcl_evaluate(&config, &evaluation), VGGCL_EUSAGE, "data: is ");
    FAILS(vggcl_plan(&config, false, &plan, &count), VGGCL_EUSAGE, "data: is ");
    CONFIGURE(&config, NETWORK, in_folder("save", "none"), "data-format=idx");
    config.dataset = all;
    FAILS(vggcl_train(&config, NULL), VGGCL_EUSAGE, "data-format: is idx, but dataset is set, whose format is memory");
    CONFIGURE(&config, NETWORK, in_folder("save", "none"), in_folder("weights", "memory/best.safetensors"));
    config.dataset = tests;
    FAILS(vggcl_train(&config, NULL), VGGCL_EUSAGE, "dataset: has no training images");
    FAILS(vggcl_plan(&config, false, &plan, &count), VGGCL_EUSAGE, "dataset: has no training images");
    config.dataset = training;
    FAILS(vggcl_train(&config, NULL), VGGCL_EUSAGE, "dataset: has no test images");
    FAILS(vggcl_plan(&config, true, &plan, &count), VGGCL_EUSAGE, "dataset: has no test images");
    FAILS(vggcl_evaluate(&config, &evaluation), VGGCL_EUSAGE,
          "dataset: has no test images; create it with some in "
          "test");
    config.dataset = all; /* memory holds weights of grey images */
    FAILS(vggcl_evaluate(&config, &evaluation), VGGCL_EUSAGE, "is a network of 3 classes, but the data set has 10");
    assert_int_equal(vggcl("version; ls none"), 2);
    vggcl_dataset_free(all);
    vggcl_dataset_free(tests);
    vggcl_dataset_free(training);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trains_as_with_files),
        cmocka_unit_test(holds_training_images_out),
        cmocka_unit_test(evaluates),
        cmocka_unit_test(program_explains),
        cmocka_unit_test(plans),
        cmocka_unit_test(resumes),
        cmocka_unit_test(resumes_with_nothing_else),
        cmocka_unit_test(refuses_contradictions),
    };
    return cmocka_run_group_tests_name("cli dataset", tests, make_set, remove_folder);
}
