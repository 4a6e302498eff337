/* kind.h - what a file is that is not the one that was expected, by its first bytes, and what to do with it: people
 * name weights of other programs, and downloads that failed. */
#ifndef VGGCL_FILES_KIND_H
#define VGGCL_FILES_KIND_H

#include <stddef.h>

struct file_kind {
    const char *is;      /* "an HDF5 file, ..." */
    const char *advice;  /* what to do; NULL: `vggcl convert` makes a safetensors file of it, by Python */
    const char *command; /* of that, to be followed by the path: "gunzip"; or NULL */
};

/* NULL if the bytes are of no kind that is known here. They need not be the whole file; 256 of them are enough. */
const struct file_kind *file_kind(const char *bytes, size_t size);

/* Writes the command that converts the file: "vggcl convert model.pth model.safetensors", with quotes if the path needs
 * them. */
void file_kind_command(const char *path, char *text, size_t size);

#endif
