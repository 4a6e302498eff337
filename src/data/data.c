#define _POSIX_C_SOURCE 200809L
#include "data/data.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum vggcl_err dataset_allocate(struct dataset *set, size_t count) {
    set->count = count;
    set->pixels = calloc(count, DATA_PIXELS);
    set->labels = calloc(count, 1);
    if (set->pixels && set->labels)
        return VGGCL_OK;
    free(set->pixels);
    free(set->labels);
    *set = (struct dataset){0};
    return err_no_memory("images", count * DATA_RECORD);
}

static void dataset_free(struct dataset *set) {
    free(set->pixels);
    free(set->labels);
}

void data_free(struct data *data) {
    dataset_free(&data->train);
    dataset_free(&data->test);
    *data = (struct data){0};
}

/* Reads a number of digits only, which strtoul() alone would not insist on; one that is too large becomes ULONG_MAX.
 * Returns where it ends, NULL where there is none. */
static const char *parse_count(const char *text, size_t *count) {
    char *end;
    if (!isdigit((unsigned char)*text))
        return NULL;
    *count = strtoul(text, &end, 10);
    return end;
}

/* "TRAIN,TEST" */
static bool parse_counts(const char *text, size_t *train, size_t *test) {
    const char *end = parse_count(text, train);
    if (!end || *end != ',')
        return false;
    end = parse_count(end + 1, test);
    return end && *end == '\0';
}

static const char synthetic[] = "synthetic";

/* Whether spec is synthetic or synthetic:TRAIN,TEST. */
static bool is_synthetic(const char *spec) {
    const char *after = spec + sizeof synthetic - 1;
    return strncmp(spec, synthetic, sizeof synthetic - 1) == 0 && (*after == '\0' || *after == ':');
}

static enum vggcl_err synthetic_counts(const char *spec, size_t *train, size_t *test) {
    const char *counts = spec + sizeof synthetic - 1;
    *train = SYNTH_TRAIN;
    *test = SYNTH_TEST;
    if (*counts == ':' && !parse_counts(counts + 1, train, test))
        return err_set(VGGCL_EUSAGE,
                       "--data %s: is neither synthetic nor synthetic:TRAIN,TEST with two numbers of images", spec);
    return VGGCL_OK;
}

static const char *folder_of(const char *spec) {
    const char *environment = getenv("VGGCL_CIFAR10");
    return *spec ? spec : environment && *environment ? environment : "data/cifar-10-batches-bin";
}

/* How many images to train with and to test on are left of such sets. */
static enum vggcl_err hold_out(size_t validate, size_t *train, size_t *test) {
    if (!validate)
        return VGGCL_OK;
    if (validate >= *train)
        return err_set(VGGCL_EUSAGE, "--validate %zu: leaves none of %zu training images", validate, *train);
    *train -= validate;
    *test = validate;
    return VGGCL_OK;
}

static enum vggcl_err hold_out_images(size_t validate, struct data *data) {
    struct dataset *train = &data->train, held_out;
    size_t test_count;
    if (!validate)
        return VGGCL_OK;
    TRY(hold_out(validate, &train->count, &test_count));
    TRY(dataset_allocate(&held_out, validate));
    memcpy(held_out.pixels, train->pixels + train->count * DATA_PIXELS, validate * DATA_PIXELS);
    memcpy(held_out.labels, train->labels + train->count, validate);
    dataset_free(&data->test);
    data->test = held_out;
    return VGGCL_OK;
}

enum vggcl_err data_open(const char *spec, uint64_t seed, size_t validate, struct data *data) {
    bool made_up = is_synthetic(spec);
    size_t train, test;
    *data = (struct data){0};
    if (made_up) {
        TRY(synthetic_counts(spec, &train, &test));
        TRY(synth_make(train, test, seed, data));
    } else {
        TRY(cifar_read(folder_of(spec), data));
    }
    enum vggcl_err err = hold_out_images(validate, data);
    if (err != VGGCL_OK) {
        data_free(data);
        return err;
    }
    snprintf(data->description, sizeof data->description, "%s%s (%zu training, %zu %s images)",
             made_up ? "" : "CIFAR-10 in ", made_up ? synthetic : folder_of(spec), data->train.count, data->test.count,
             validate ? "held-out training" : "test");
    return VGGCL_OK;
}

enum vggcl_err data_count(const char *spec, size_t validate, size_t *train, size_t *test) {
    enum vggcl_err err =
        is_synthetic(spec) ? synthetic_counts(spec, train, test) : cifar_count(folder_of(spec), train, test);
    if (err == VGGCL_EIO && !*spec) {
        *train = CIFAR_TRAIN;
        *test = CIFAR_TEST;
        err = VGGCL_OK;
    }
    TRY(err);
    return hold_out(validate, train, test);
}

enum vggcl_err vggcl_synth(const char *dir, size_t train, size_t test, uint64_t seed) {
    struct data data;
    TRY(synth_make(train, test, seed, &data));
    enum vggcl_err err = cifar_write(dir, &data);
    data_free(&data);
    return err;
}
