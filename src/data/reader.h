/* reader.h - reads a file from front to back; one whose name ends in ".gz" is decompressed. The only caller of zlib,
 * which the build may lack: then a ".gz" file cannot be opened, and the error says so. */
#ifndef VGGCL_DATA_READER_H
#define VGGCL_DATA_READER_H

#include "base/err.h"

#include <stdio.h>

struct reader {
    char path[VGGCL_PATH_MAX];
    FILE *plain;       /* NULL for a compressed file */
    void *gzip;        /* zlib's gzFile; NULL for a plain file */
    uint64_t size;     /* bytes of the file, compressed or not */
    uint64_t position; /* bytes read so far, uncompressed */
};

/* A reader that is not open; reader_close() does nothing on it. */
#define READER_CLOSED ((struct reader){0})

/* VGGCL_EIO if the file cannot be opened or is not a regular file; VGGCL_EFORMAT if its name ends in ".gz", but it is
 * not compressed by gzip. *reader is then closed, except for its path. */
enum vggcl_err reader_open(struct reader *reader, const char *path);

/* Reads up to `bytes` bytes to `to`; *count, the number read, is less at the end of the file. VGGCL_EIO if the file
 * cannot be read, VGGCL_EFORMAT if compressed data is damaged or truncated; the error names the byte. */
enum vggcl_err reader_read(struct reader *reader, void *to, size_t bytes, size_t *count);

/* The largest number of uncompressed bytes that a file of this size can hold. */
uint64_t reader_capacity(const struct reader *reader);

void reader_close(struct reader *reader);

#endif
