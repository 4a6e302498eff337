/* normalise.h - how the bytes of an image become the input of a network: the option normalize. */
#ifndef VGGCL_DATA_NORMALISE_H
#define VGGCL_DATA_NORMALISE_H

#include "data/dataset.h"

enum { NORMALISE_CHANNELS = 4 }; /* at least the most channels of a data set's images */

/* A byte x of a channel becomes (x / 255 - mean) / deviation. Elements beyond an image's channels are not used. (Checks
 * of kernels have more channels: channel c uses element c modulo NORMALISE_CHANNELS.) */
struct normalisation {
    double mean[NORMALISE_CHANNELS], deviation[NORMALISE_CHANNELS];
};

/* The one of VGGCL_PREPROCESSING, for any number of channels. */
extern const struct normalisation normalisation_half;

/* The normalisation that `kind` means for images of spec. train: the images whose mean and standard deviation are
 * measured for VGGCL_NORMALIZE_DATASET; NULL if there are none. The result depends on the pixels alone, not on their
 * order. VGGCL_EUSAGE if `kind` is for another number of channels, or if there is nothing to measure. */
enum vggcl_err normalise(enum vggcl_normalize kind, const struct data_spec *spec, const struct dataset *train,
                         struct normalisation *n);

/* The formula as text: VGGCL_PREPROCESSING, or one with the mean and std of each channel. */
enum { NORMALISE_TEXT = 512 };
void normalise_describe(const struct normalisation *n, size_t channels, char text[static NORMALISE_TEXT]);

/* Numbers as a JSON array, "[0.485,0.456,0.406]", with all digits that are needed to read back the same ones. */
void normalise_list(const double *values, size_t count, char text[static NORMALISE_TEXT]);

#endif
