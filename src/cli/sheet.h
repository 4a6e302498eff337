/* sheet.h - pictures made of images and of numbers. The caller frees their pixels. */
#ifndef VGGCL_CLI_SHEET_H
#define VGGCL_CLI_SHEET_H

#include "files/png.h"

/* Images of equal size: pixels is bytes [count][channels][height][width]. */
struct images {
    size_t count, height, width, channels;
    const uint8_t *pixels;
};

/* The images in rows of `columns`, each pixel scale x scale, with white lines between the images. */
enum { SHEET_LINE = 2 }; /* pixels */
enum vggcl_err sheet_make(const struct images *images, size_t columns, size_t scale, struct picture *sheet);

/* Numbers as images: 0 is grey, the largest magnitude of all black or white. Each image is then [channels] planes of
 * bytes. The caller frees *bytes. */
enum vggcl_err sheet_bytes(const float *values, size_t count, uint8_t **bytes);

/* A cell's colour in a confusion matrix: how strong it is, 0 to 1, for `count` of `total` images of a true class. The
 * square root shows single mistakes too. */
double sheet_strength(uint64_t count, uint64_t total);

/* A confusion matrix, [classes][classes] counts by true class (rows) and predicted class: on white, right predictions
 * are SHEET_RIGHT, wrong ones SHEET_WRONG, as strong as sheet_strength() says. With more than SHEET_CELLS classes a
 * cell stands for several of them. */
#define SHEET_RIGHT 9, 105, 218
#define SHEET_WRONG 188, 76, 0
enum { SHEET_CELLS = 1024, SHEET_MATRIX = 512 }; /* most cells a side; pixels a side that fewer cells fill at least */
enum vggcl_err sheet_matrix(const uint32_t *confusion, size_t classes, struct picture *matrix);

#endif
