#include "data/normalise.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define EACH(value) {value, value, value, value}
const struct normalisation normalisation_half = {EACH(0.5), EACH(0.5)};

/* Of ImageNet's training images, as torchvision's models take them: red, green, blue. */
static const struct normalisation imagenet = {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}};

/* -------------------------------------------------------------------------------------------------- measuring -- */

enum { BYTES = 256 }; /* values of a byte */

/* How often each byte occurs in a channel. */
static void count_bytes(const struct data_spec *spec, const struct dataset *set, size_t channel,
                        uint64_t counts[BYTES]) {
    size_t plane = spec->height * spec->width;
    memset(counts, 0, BYTES * sizeof *counts);
    for (size_t i = 0; i < set->count; i++) {
        const uint8_t *pixels = dataset_pixels(set, data_image_bytes(spec), i) + channel * plane;
        for (size_t k = 0; k < plane; k++)
            counts[pixels[k]]++;
    }
}

static enum vggcl_err measure(const struct data_spec *spec, const struct dataset *set, struct normalisation *n) {
    double pixels = (double)set->count * (double)(spec->height * spec->width);
    for (size_t channel = 0; channel < spec->channels; channel++) {
        uint64_t counts[BYTES];
        double mean = 0, variance = 0;
        count_bytes(spec, set, channel, counts);
        for (int byte = 0; byte < BYTES; byte++)
            mean += (double)counts[byte] * byte / pixels;
        for (int byte = 0; byte < BYTES; byte++)
            variance += (double)counts[byte] * (byte - mean) * (byte - mean) / pixels;
        if (!(variance > 0)) /* exactly 0 if all bytes are the same */
            return err_set(VGGCL_EUSAGE,
                           "normalize dataset: channel %zu has the same value in all pixels of the training images, so "
                           "that its standard deviation is 0; set normalize to half",
                           channel + 1);
        n->mean[channel] = mean / 255;
        n->deviation[channel] = sqrt(variance) / 255;
    }
    return VGGCL_OK;
}

enum vggcl_err normalise(enum vggcl_normalize kind, const struct data_spec *spec, const struct dataset *train,
                         struct normalisation *n) {
    *n = normalisation_half;
    if (kind == VGGCL_NORMALIZE_HALF)
        return VGGCL_OK;
    if (kind == VGGCL_NORMALIZE_IMAGENET) {
        *n = imagenet;
        return spec->channels == 3
                   ? VGGCL_OK
                   : err_set(VGGCL_EUSAGE,
                             "normalize imagenet: is for images of 3 channels, but these have %zu; set normalize to "
                             "dataset or half",
                             spec->channels);
    }
    if (!train || !train->count)
        return err_set(VGGCL_EUSAGE, "normalize dataset: there are no training images to measure; set normalize to "
                                     "half or imagenet");
    return measure(spec, train, n);
}

/* ----------------------------------------------------------------------------------------------------- as text -- */

static void join(const double *values, size_t count, const char *between, char text[static NORMALISE_TEXT]) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, NORMALISE_TEXT - used, "%s", i ? between : "");
        text_print_real(text + used, NORMALISE_TEXT - used, values[i]);
        used += strlen(text + used);
    }
}

void normalise_list(const double *values, size_t count, char text[static NORMALISE_TEXT]) {
    char numbers[NORMALISE_TEXT];
    join(values, count, ",", numbers);
    snprintf(text, NORMALISE_TEXT, "[%.*s]", NORMALISE_TEXT - 3, numbers);
}

void normalise_describe(const struct normalisation *n, size_t channels, char text[static NORMALISE_TEXT]) {
    char mean[NORMALISE_TEXT], deviation[NORMALISE_TEXT];
    size_t bytes = channels * sizeof *n->mean;
    if (memcmp(n->mean, normalisation_half.mean, bytes) == 0 &&
        memcmp(n->deviation, normalisation_half.deviation, bytes) == 0) {
        snprintf(text, NORMALISE_TEXT, "%s", VGGCL_PREPROCESSING);
        return;
    }
    join(n->mean, channels, ", ", mean);
    join(n->deviation, channels, ", ", deviation);
    snprintf(text, NORMALISE_TEXT, "(x/255 - mean)/std, mean %.200s, std %.200s", mean, deviation);
}
