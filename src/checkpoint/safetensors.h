/* safetensors.h - named float32 arrays in one file, in the format of https://github.com/huggingface/safetensors:
 * an 8-byte little-endian header length, a JSON header {"name": {"dtype","shape","data_offsets"}, ...,
 * "__metadata__": {string: string}}, then the arrays' bytes without gaps. PyTorch, NumPy and JAX users read it. */
#ifndef VGGCL_CHECKPOINT_SAFETENSORS_H
#define VGGCL_CHECKPOINT_SAFETENSORS_H

#include "base/err.h"

enum { SAFETENSORS_RANK = 4 };

/* One named array, row-major; values[] has the product of shape[0..rank-1] floats. A record owns nothing: name and
 * values belong to the file read, or to whoever hands it to be written. */
struct record {
    const char *name;
    int rank;
    size_t shape[SAFETENSORS_RANK];
    float *values;
};

size_t record_count(const struct record *record); /* the product of the shape */

/* A file that was read: its float32 tensors, in the order of their bytes in the file, and its metadata. Tensors of
 * other dtypes are checked and left out. */
struct safetensors {
    struct record *records;
    size_t count;
    void *storage; /* owns the records' values */
    void *header;  /* a jansson object: owns the records' names and the metadata */
};

/* Writes the records, in their order, and the metadata (key, value, key, value, ..., NULL; may be NULL) to path, whole
 * or not at all: on an error what was there before is kept. Names must differ. VGGCL_EIO; VGGCL_EUSAGE where a name or
 * a metadata text is no UTF-8. */
enum vggcl_err safetensors_write(const char *path, const struct record *records, size_t count,
                                 const char *const *metadata);

/* Reads path, trusting nothing: the header's length, its JSON, every dtype, shape and offset are checked (in bounds,
 * product without overflow, contiguous from 0 without gaps or overlaps, ending at the file's end) before any value is
 * touched. VGGCL_EIO or VGGCL_EFORMAT, naming the file, the tensor and what is wrong; *file is then empty. Release with
 * safetensors_free(). */
enum vggcl_err safetensors_read(const char *path, struct safetensors *file);

/* The record of that name, NULL when the file has none. */
const struct record *safetensors_find(const struct safetensors *file, const char *name);

/* The metadata value of that key, NULL when there is none. Belongs to file. */
const char *safetensors_metadata(const struct safetensors *file, const char *key);

/* Frees what file owns and leaves it empty. */
void safetensors_free(struct safetensors *file);

#endif
