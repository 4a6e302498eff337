/* resample.h - scales a picture of 8-bit samples: bilinear with antialiasing, the same bytes as Pillow's
 * Image.resize(size, BILINEAR), which torchvision's Resize uses.
 *
 * Along each axis an output sample at position i is the mean of the input samples x, weighted by a triangle:
 *
 *     weight(x) = max(0, 1 - |x + 0.5 - c| / r),  c = (i + 0.5) * scale,  r = max(1, scale),  scale = input / output
 *
 * in fixed-point arithmetic with 22 bits, the rows first, rounded to 8 bits after each axis. */
#ifndef VGGCL_DATA_RESAMPLE_H
#define VGGCL_DATA_RESAMPLE_H

#include "base/err.h"

struct resample_axis {
    size_t input;        /* samples of the picture */
    double extent;       /* the part of them that the output covers: input, or a little less */
    size_t output;       /* samples of the whole scaled picture */
    size_t first, count; /* of these, the ones that are computed */
};

struct resampler;

/* bands: samples per pixel. VGGCL_ENOMEM. Free *r with resampler_free(), which accepts NULL. */
enum vggcl_err resampler_new(const struct resample_axis *x, const struct resample_axis *y, size_t bands,
                             struct resampler **r);
void resampler_free(struct resampler *r);

/* Takes the picture's next row, bytes [x->input][bands]. Called y->input times. */
void resampler_add_row(struct resampler *r, const uint8_t *row);

/* After the last row: out gets bytes [y->count][x->count][bands]. */
void resampler_finish(const struct resampler *r, uint8_t *out);

#endif
