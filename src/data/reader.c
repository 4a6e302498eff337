#define _POSIX_C_SOURCE 200809L
#include "data/reader.h"
#include "base/feature.h"
#include "base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#ifdef VGGCL_ZLIB
#include <zlib.h>
#endif

/* Deflate codes at most 258 bytes in 2 bits, so a compressed byte never holds more than this. */
enum { MOST_PER_BYTE = 1032 };

static bool named_gz(const char *path) {
    size_t length = strlen(path);
    return length > 3 && strcmp(path + length - 3, ".gz") == 0;
}

#ifdef VGGCL_ZLIB

static enum vggcl_err gzip_open(struct reader *reader) {
    int descriptor = dup(fileno(reader->plain));
    gzFile gzip = descriptor < 0 ? NULL : gzdopen(descriptor, "rb");
    if (!gzip) {
        enum vggcl_err err = err_set(VGGCL_EIO, "%s: cannot be opened: %s", reader->path, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return err;
    }
    fclose(reader->plain);
    reader->plain = NULL;
    reader->gzip = gzip;
    if (gzbuffer(gzip, 1 << 17) == 0 && gzdirect(gzip))
        return err_set(VGGCL_EFORMAT,
                       "%s: is not compressed by gzip, though its name ends in .gz; rename it to the name without .gz, "
                       "or download it again",
                       reader->path);
    return VGGCL_OK;
}

/* zlib reports a truncated file only after it has returned what it could decompress. */
static enum vggcl_err gzip_read(struct reader *reader, void *to, size_t bytes, size_t *count) {
    int code;
    int got = gzread(reader->gzip, to, (unsigned)bytes);
    const char *text = gzerror(reader->gzip, &code);
    *count = got > 0 ? (size_t)got : 0;
    if (code == Z_ERRNO)
        return err_set(VGGCL_EIO, "%s: byte %llu: cannot be read: %s", reader->path,
                       (unsigned long long)reader->position, strerror(errno));
    if (code == Z_OK || code == Z_STREAM_END)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT,
                   "%s: byte %llu of the uncompressed data: the compressed data is %s (%s); download the file again",
                   reader->path, (unsigned long long)(reader->position + *count),
                   code == Z_BUF_ERROR ? "truncated" : "damaged", text);
}

static void gzip_close(struct reader *reader) {
    gzclose(reader->gzip);
}

#else

static enum vggcl_err gzip_open(struct reader *reader) {
    return feature_lacks(FEATURE_ZLIB, reader->path, ", or decompress the file with gunzip");
}

static enum vggcl_err gzip_read(struct reader *reader, void *to, size_t bytes, size_t *count) {
    (void)to, (void)bytes;
    *count = 0;
    return gzip_open(reader);
}

static void gzip_close(struct reader *reader) {
    (void)reader;
}

#endif

static enum vggcl_err open_file(struct reader *reader) {
    TRY(file_open(reader->path, &reader->plain, &reader->size));
    return named_gz(reader->path) ? gzip_open(reader) : VGGCL_OK;
}

enum vggcl_err reader_open(struct reader *reader, const char *path) {
    *reader = READER_CLOSED;
    if (strlen(path) >= sizeof reader->path)
        return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX - 1);
    strcpy(reader->path, path);
    enum vggcl_err err = open_file(reader);
    if (err != VGGCL_OK)
        reader_close(reader);
    return err;
}

static enum vggcl_err plain_read(struct reader *reader, void *to, size_t bytes, size_t *count) {
    *count = fread(to, 1, bytes, reader->plain);
    if (*count < bytes && ferror(reader->plain))
        return err_set(VGGCL_EIO, "%s: byte %llu: cannot be read: %s", reader->path,
                       (unsigned long long)reader->position, strerror(errno));
    return VGGCL_OK;
}

enum vggcl_err reader_read(struct reader *reader, void *to, size_t bytes, size_t *count) {
    enum { CHUNK = 1 << 24 }; /* gzread() takes an unsigned */
    *count = 0;
    for (size_t once, got = 1; got > 0 && *count < bytes; *count += got, reader->position += got) {
        once = bytes - *count < CHUNK ? bytes - *count : CHUNK;
        TRY((reader->gzip ? gzip_read : plain_read)(reader, (char *)to + *count, once, &got));
    }
    return VGGCL_OK;
}

uint64_t reader_capacity(const struct reader *reader) {
    return reader->gzip ? reader->size * MOST_PER_BYTE : reader->size;
}

void reader_close(struct reader *reader) {
    if (reader->plain)
        fclose(reader->plain);
    if (reader->gzip)
        gzip_close(reader);
    reader->plain = NULL;
    reader->gzip = NULL;
}
