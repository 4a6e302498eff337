/* safetensors.h - named float32 arrays in one file, in the format of https://github.com/huggingface/safetensors:
 * an 8-byte little-endian header length, a JSON header {"name": {"dtype","shape","data_offsets"}, ...,
 * "__metadata__": {string: string}}, then the arrays' bytes without gaps. The safetensors library reads it in PyTorch,
 * NumPy and JAX. */
#ifndef VGGCL_FILES_SAFETENSORS_H
#define VGGCL_FILES_SAFETENSORS_H

#include "base/folder.h"

enum { SAFETENSORS_RANK = 4 };

/* One named array, row-major; values[] has the product of shape[0..rank-1] floats. A record does
 * not own name and values: they belong to the struct safetensors that was read, or to the caller who writes them. */
struct record {
    const char *name;
    int rank;
    size_t shape[SAFETENSORS_RANK];
    float *values;
};

size_t record_count(const struct record *record); /* the product of the shape */

/* The contents of a file: its tensors of floats, in the order of their bytes in the file, and its metadata. F16, BF16
 * and F64 (of up to SAFETENSORS_RANK dimensions) are converted to float32. Tensors of other dtypes are validated but
 * not included. */
struct safetensors {
    struct record *records;
    size_t count;
    const char **stored; /* [count]: the records' names in the file, which may have got others since */
    void *storage;       /* owns the records' values */
    void *names;         /* owns names that the records were given; or NULL */
    void *header;        /* a jansson object: owns the records' names and the metadata */
};

/* Writes the records, in their order, and the metadata (key, value, key, value, ..., NULL; may be NULL) to path in
 * folder atomically: after an error an existing file is unchanged. Names must differ. A file with metadata also gets a
 * checksum of all its bytes, under the key "vggcl.checksum", against accidental changes. VGGCL_EIO; VGGCL_EUSAGE if a
 * name is not valid UTF-8; in a metadata value U+FFFD replaces each byte that is not. */
enum vggcl_err safetensors_write(const struct folder *folder, const char *path, const struct record *records,
                                 size_t count, const char *const *metadata);

/* The same; the file that was at path before, if there was one, is kept as path.1. */
enum vggcl_err safetensors_replace(const struct folder *folder, const char *path, const struct record *records,
                                   size_t count, const char *const *metadata);

/* Reads path as untrusted input: the header's length, its JSON, every dtype, shape and offset are checked (in bounds,
 * product without overflow, contiguous from 0 without gaps or overlaps, ending at the file's end) before any value is
 * used. So is the checksum, if the file has one: other programs and earlier versions write none. VGGCL_EIO or
 * VGGCL_EFORMAT, naming the file, the tensor and what is wrong; *file is then empty. Release with safetensors_free().
 */
enum vggcl_err safetensors_read(const char *path, struct safetensors *file);

/* Finds a record by its name; NULL if there is none. */
const struct record *safetensors_find(const struct safetensors *file, const char *name);

/* The metadata value of a key; NULL if there is none. Owned by file. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Adds a value to the metadata of a file that was read, unless it has one. */
enum vggcl_err safetensors_suggest(struct safetensors *file, const char *key, const char *value);

/* All keys and values of the metadata, except the checksum, for safetensors_write(): key, value, ..., NULL. Up to
 * `most` pairs; pairs has room for 2 * most + 1. Owned by file. Returns the number of pairs. */
size_t safetensors_pairs(const struct safetensors *file, size_t most, const char **pairs);

/* Frees all that file owns, and sets it to empty. */
void safetensors_free(struct safetensors *file);

#endif
