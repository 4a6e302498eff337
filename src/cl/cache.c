#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "cl/cache.h"
#include "base/file.h"
#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_LIMIT = 1 << 28 };

/* A cache file: this header, the key, the program's binary as the driver returned it. */
struct header {
    char magic[8];
    uint64_t key_size, binary_size;
    uint64_t checksum; /* of key and binary */
};
static const char magic[8] = {'v', 'g', 'g', 'c', 'l', 'b', 'i', '1'};

enum vggcl_err cache_key_make(const struct dev *d, const char *options, const char *const *sources, size_t count,
                              struct cache_key *key) {
    const struct vggcl_device *i = &d->info;
    char name[32];
    *key = (struct cache_key){0};
    if (!*d->cache_folder)
        return VGGCL_OK;
    FILE *text = open_memstream(&key->text, &key->size);
    if (!text)
        return err_no_memory("a cache's key", 0);
    fprintf(text, "%s\n%s\n%s\n%s\n%s\n%s\n", i->platform_name, i->vendor, i->name, i->version, i->driver, options);
    for (size_t k = 0; k < count; k++)
        fputs(sources[k], text);
    if (fclose(text) != 0)
        return err_no_memory("a cache's key", key->size);
    snprintf(name, sizeof name, "%016" PRIx64, hash_bytes(HASH_START, key->text, key->size));
    return file_path(key->path, d->cache_folder, name);
}

void cache_key_free(struct cache_key *key) {
    free(key->text);
    key->text = NULL;
}

static uint64_t checksum(const void *key, size_t key_size, const void *binary, size_t binary_size) {
    return hash_bytes(hash_bytes(HASH_START, key, key_size), binary, binary_size);
}

/* Whether the entry is complete and belongs to key; sets *binary to the binary's position in entry. */
static bool valid(const char *entry, size_t size, const struct cache_key *key, const unsigned char **binary,
                  size_t *binary_size) {
    struct header h;
    if (size < sizeof h + key->size)
        return false;
    memcpy(&h, entry, sizeof h);
    *binary = (const unsigned char *)entry + sizeof h + key->size;
    *binary_size = size - sizeof h - key->size;
    return memcmp(h.magic, magic, sizeof magic) == 0 && h.key_size == key->size && h.binary_size == *binary_size &&
           memcmp(entry + sizeof h, key->text, key->size) == 0 &&
           h.checksum == checksum(key->text, key->size, *binary, *binary_size);
}

static cl_program from_binary(const struct dev *d, const unsigned char *binary, size_t size, const char *options) {
    cl_int status, code;
    cl_program program = clCreateProgramWithBinary(d->context, 1, &d->id, &size, &binary, &status, &code);
    if (code == CL_SUCCESS && status == CL_SUCCESS &&
        clBuildProgram(program, 1, &d->id, options, NULL, NULL) == CL_SUCCESS)
        return program;
    if (program)
        clReleaseProgram(program);
    return NULL;
}

cl_program cache_load(const struct dev *d, const struct cache_key *key, const char *options) {
    cl_program program = NULL;
    const unsigned char *binary;
    size_t size, binary_size;
    char *entry = NULL, *kept = err_keep();
    enum vggcl_err err = key->text ? file_read_own(key->path, ENTRY_LIMIT, &entry, &size) : VGGCL_EIO;
    err_put_back(kept);
    if (err == VGGCL_OK && valid(entry, size, key, &binary, &binary_size))
        program = from_binary(d, binary, binary_size, options);
    if (key->text && !program)
        remove(key->path);
    free(entry);
    return program;
}

/* Returns the program's binary, *size bytes, owned by the caller; NULL if the driver provides none. */
static unsigned char *binary_of(cl_program program, size_t *size) {
    unsigned char *binary = NULL;
    if (clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof *size, size, NULL) == CL_SUCCESS && *size)
        binary = malloc(*size);
    if (binary && clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        return binary;
    free(binary);
    return NULL;
}

void cache_store(const struct cache_key *key, cl_program program) {
    struct file_write file;
    size_t size = 0;
    char *kept = err_keep();
    unsigned char *binary = key->text ? binary_of(program, &size) : NULL;
    if (binary && file_write_begin_own(&file, key->path) == VGGCL_OK) {
        struct header h = {
            .key_size = key->size, .binary_size = size, .checksum = checksum(key->text, key->size, binary, size)};
        memcpy(h.magic, magic, sizeof magic);
        fwrite(&h, sizeof h, 1, file.stream);
        fwrite(key->text, 1, key->size, file.stream);
        fwrite(binary, 1, size, file.stream);
        file_write_commit(&file);
    }
    free(binary);
    err_put_back(kept);
}
