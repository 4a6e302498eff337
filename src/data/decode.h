/* decode.h - pictures from files: JPEG, PNG, WebP, GIF, TIFF and BMP, decoded by libvips.
 *
 * Training, evaluation and prediction all get their pixels from decode_picture(), so that they preprocess alike. */
#ifndef VGGCL_DATA_DECODE_H
#define VGGCL_DATA_DECODE_H

#include "base/err.h"

/* A picture as its file's header describes it, after the rotation that EXIF asks for. */
struct picture_size {
    size_t height, width, channels; /* in pixels; 1 for grey, 3 for colour; transparency is not counted */
};

/* Whether the name ends like that of a picture: .jpg, .jpeg, .png, .webp, .gif, .tif, .tiff or .bmp, in any case. */
bool decode_is_picture(const char *name);

/* Starts libvips. VGGCL_EUSAGE, with name in the text, if the build lacks it. The functions below do it themselves; it
 * serves to fail once instead of for each of many pictures. */
enum vggcl_err decode_start(const char *name);

/* Reads the header. Errors as those of decode_picture(). */
enum vggcl_err decode_size(const char *path, struct picture_size *size);

/* Decodes the first page or frame of a picture into pixels, bytes [channels][height][width]: rotated upright as EXIF
 * says, on a white background where it is transparent, in sRGB (3 channels) or grey (1 channel), 8 bits a channel. A
 * picture of another size is scaled until it covers height x width, and cropped at its centre: the same bytes as
 * torchvision's Resize and CenterCrop on a PIL image, except for JPEGs that are far larger.
 *
 * VGGCL_EIO if the file cannot be opened, VGGCL_EFORMAT if it is in another format, damaged, truncated, or has more
 * than DECODE_MOST_PIXELS; the text names the file. May be called from several threads at once. */
enum vggcl_err decode_picture(const char *path, const struct picture_size *size, uint8_t *pixels);

enum { DECODE_MOST_PIXELS = 1 << 28 };

/* Frees what libvips keeps for the calling thread: called by a thread before it ends. */
void decode_end_thread(void);

#endif
