/* inspect_page.h - what vggcl inspect found, as one HTML file. */
#ifndef VGGCL_CLI_INSPECT_PAGE_H
#define VGGCL_CLI_INSPECT_PAGE_H

#include "base/folder.h"
#include "cli/sheet.h"

enum inspect_picture { INSPECT_TRAINING, INSPECT_CONFUSION, INSPECT_WRONG, INSPECT_FILTERS, INSPECT_PICTURES };

/* A PNG file. */
struct png {
    size_t width, height, channels, size;
    uint8_t *bytes; /* [size], owned; NULL if there is nothing to show */
};

struct inspected {
    const char *weights; /* the file's name */
    struct vggcl_inspection found;
    struct images trained, wrong; /* found's */
    struct png pictures[INSPECT_PICTURES];
};

/* Encodes the picture and frees its pixels. */
enum vggcl_err inspect_encode(struct picture *picture, struct png *png);

/* Up to this many classes the page has the confusion matrix as a table; with more, a list of the largest numbers. */
enum { INSPECT_TABLE = 30, INSPECT_PAIRS = 50 };

/* Writes the page to name in folder, atomically. */
enum vggcl_err inspect_write_page(const struct folder *folder, const char *name, const struct inspected *inspected);

#endif
