/* Weights and the state of a run: all that src/train takes from a safetensors file, except that no tensors are copied
 * to a device. */
#include "common.h"
#include "mutate.h"
#include "nets/naming.h"
#include "options/options.h"
#include "train/checkpoint.h"
#include "train/weights.h"
#include "tune/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

FUZZ_MUTATOR(mutate_safetensors)

static char *names[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
static const struct data ours = {
    .spec = {.height = 32, .width = 32, .channels = 3, .classes = 10, .class_names = names},
    .description = "CIFAR-10 in data (50000 training, 10000 test images)",
    .set_fingerprint = 0x0123456789abcdef,
    .fingerprint = 0x0123456789abcdef};

static void read_progress(const struct safetensors *file) {
    struct progress p;
    if (!fuzz_accepted(checkpoint_progress(file, "state", &p)))
        return;
    FUZZ_HOLDS(p.step >= 0 && p.epoch >= 0 && p.epoch_step >= 0 && p.correct >= 0 && p.best_epoch >= 0);
    FUZZ_HOLDS(p.best_accuracy >= 0 && p.best_accuracy <= 1 && p.epoch_seconds >= 0);
}

static void read_profiles(const struct safetensors *file) {
    static struct profile profile;
    for (size_t i = 0; i < VGGCL_DEVICES; i++) {
        char *text;
        if (fuzz_accepted(checkpoint_profile(file, i, &text)) && text)
            fuzz_accepted(profile_parse(text, strlen(text), "state", &profile));
        free(text);
    }
}

/* As --resume, once with an option that was given. */
static void read_config(const struct safetensors *file) {
    static struct vggcl_config config, stored;
    for (int given = 0; given < 2; given++) {
        FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
        if (given)
            FUZZ_HOLDS(vggcl_config_set(&config, "batch", "128") == VGGCL_OK);
        if (!fuzz_accepted(checkpoint_config(file, "state", &config, &stored)))
            continue;
        FUZZ_HOLDS(config_check(&config) == VGGCL_OK);
        FUZZ_HOLDS(config_check(&stored) == VGGCL_OK);
    }
}

static void read_normalisation(const struct safetensors *file, const struct data_spec *spec) {
    static struct vggcl_config config;
    struct normalisation n;
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
    if (fuzz_accepted(checkpoint_normalisation(file, "weights", spec, NULL, &config, &n)))
        for (size_t i = 0; i < spec->channels && i < NORMALISE_CHANNELS; i++)
            FUZZ_HOLDS(n.deviation[i] > 0);
}

/* As eval, predict and --weights. */
static void read_network(const struct safetensors *file, size_t file_bytes) {
    static struct vggcl_config config;
    struct data_spec spec;
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
    fuzz_accepted(checkpoint_suggest_data(file, "weights", &config));
    fuzz_accepted(checkpoint_suggest_network(file, &config));
    if (fuzz_accepted(checkpoint_network(file, "weights", &config)))
        FUZZ_HOLDS(config_check(&config) == VGGCL_OK);
    if (fuzz_accepted(checkpoint_spec(file, "weights", &spec))) {
        FUZZ_HOLDS(spec.classes > 0 && spec.channels > 0 && spec.classes < file_bytes && spec.channels < file_bytes);
        for (size_t i = 0; spec.class_names && i < spec.classes; i++)
            FUZZ_HOLDS(strlen(spec.class_names[i]) < SIZE_MAX);
        read_normalisation(file, &spec);
    }
    free(spec.class_names);
}

static void compare_data(const struct safetensors *file) {
    char warning[VGGCL_WARNING];
    fuzz_accepted(checkpoint_same_data(file, "state", &ours));
    fuzz_accepted(checkpoint_takes_data(file, "weights", &ours, false));
    fuzz_accepted(checkpoint_takes_data(file, "weights", &ours, true));
    if (checkpoint_other_data(file, "weights", &ours, warning))
        FUZZ_HOLDS(strlen(warning) < VGGCL_WARNING);
}

/* As a file that the option weights names: with the names of other programs too. */
static void open_weights(const char *path, size_t count) {
    static struct vggcl_config config;
    struct safetensors file = {0};
    char *notices = NULL;
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
    snprintf(config.weights, sizeof config.weights, "%s", path);
    if (fuzz_accepted(weights_open(&config, &file, &notices))) {
        for (size_t i = 0; i < file.count; i++)
            FUZZ_HOLDS(file.records[i].rank <= SAFETENSORS_RANK &&
                       strlen(file.records[i].name) <= NAMING_NAME + strlen(file.stored[i]));
        read_network(&file, count);
    }
    safetensors_free(&file);
    free(notices);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct safetensors file;
    const char *path = fuzz_file("state.safetensors", bytes, count);
    if (!fuzz_accepted(safetensors_read(path, &file)))
        return 0;
    read_progress(&file);
    read_profiles(&file);
    read_config(&file);
    read_network(&file, count);
    compare_data(&file);
    safetensors_free(&file);
    open_weights(path, count);
    return 0;
}
