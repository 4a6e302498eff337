/* png.h - pictures as PNG files, by libpng. */
#ifndef VGGCL_FILES_PNG_H
#define VGGCL_FILES_PNG_H

#include "base/err.h"

/* pixels is [height][width][channels], 1 channel for grey, 3 for sRGB. */
struct picture {
    size_t width, height, channels;
    uint8_t *pixels;
};

/* VGGCL_EUSAGE, naming the package, if the build lacks libpng. */
enum vggcl_err png_available(void);

/* Sets *bytes, which the caller frees, to the picture as a PNG file of *size bytes. */
enum vggcl_err png_encode(const struct picture *picture, uint8_t **bytes, size_t *size);

#endif
