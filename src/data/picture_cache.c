#define _XOPEN_SOURCE 700 /* realpath */
#include "data/picture_cache.h"
#include "base/cache_folder.h"
#include "base/hash.h"
#include "data/dataset.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The file: this header, a byte for each picture that is 1 if it has pixels, and from the next multiple of ALIGNMENT on
 * the pictures' pixels. Only the machine that wrote it reads it, so its byte order does not matter. A new version has
 * another magic. */
struct header {
    char magic[24];
    uint64_t key, count, height, width, channels;
    uint64_t checksum; /* hash_words() of the pixels */
    uint64_t before;   /* start_hash() of all that is before the pixels */
};
static const char magic[24] = "vggcl pictures 2\n";
enum { ALIGNMENT = 4096 }; /* so that pictures of whole pages lie on whole pages */

static size_t start_of(const struct tree *t) {
    return (sizeof(struct header) + t->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The hash of the header, up to the field `before`, and of the bytes that say which pictures follow. */
static uint64_t start_hash(const struct header *h, const struct tree *t) {
    uint64_t hash = hash_bytes(HASH_START, h, offsetof(struct header, before));
    for (size_t i = 0; i < t->count; i++) {
        unsigned char present = !t->pictures[i].left_out;
        hash = hash_bytes(hash, &present, 1);
    }
    return hash;
}

/* Whether the header's numbers are those of images, so that their product is the bytes of a picture. */
static bool is_possible(const struct header *h) {
    return h->height >= DATA_LEAST_SIDE && h->height <= DATA_MOST_SIDE && h->width >= DATA_LEAST_SIDE &&
           h->width <= DATA_MOST_SIDE && (h->channels == 1 || h->channels == 3);
}

/* Reads what is before the pixels; false if it is not of this tree, or damaged. */
static bool read_start(struct picture_cache *c, struct tree *t) {
    struct header h;
    if (fread(&h, sizeof h, 1, c->stream) != 1 || memcmp(h.magic, magic, sizeof magic) != 0 || h.key != c->key ||
        h.count != t->count || !is_possible(&h))
        return false;
    for (size_t i = 0; i < t->count; i++)
        t->pictures[i].left_out = getc(c->stream) != 1;
    c->size = (struct picture_size){(size_t)h.height, (size_t)h.width, (size_t)h.channels};
    c->start = start_of(t);
    c->checksum = h.checksum;
    return start_hash(&h, t) == h.before;
}

/* The file's name is a hash of the folder's real path. */
static void find_path(struct picture_cache *c, const struct tree *t, size_t side) {
    char folder[VGGCL_PATH_MAX], root[PATH_MAX];
    *c->path = '\0';
    cache_folder("pictures", folder);
    if (!*folder || !realpath(t->folder, root))
        return;
    uint64_t hash = hash_bytes(hash_bytes(HASH_START, root, strlen(root)), &side, sizeof side);
    if (snprintf(c->path, sizeof c->path, "%s/%016" PRIx64, folder, hash) >= (int)sizeof c->path)
        *c->path = '\0';
}

void picture_cache_open(struct picture_cache *c, struct tree *t, size_t side) {
    *c = (struct picture_cache){.key = hash_bytes(tree_hash(t), &side, sizeof side)};
    find_path(c, t, side);
    uint64_t size;
    char *kept = err_keep();
    if (*c->path)
        file_open_own(c->path, &c->stream, &size);
    err_put_back(kept);
    if (!c->stream || read_start(c, t))
        return;
    picture_cache_close(c);
    tree_forget_problems(t);
}

static uint64_t pixels_hash(const struct picture_cache *c, const struct mapping *file) {
    return hash_words(HASH_START, file->bytes + c->start, file->size - c->start);
}

bool picture_cache_map(struct picture_cache *c, const struct tree *t, struct mapping *file) {
    size_t size = c->start + t->count * picture_bytes(&c->size);
    struct stat status;
    if (fstat(fileno(c->stream), &status) != 0 || (uint64_t)status.st_size != size ||
        !mapping_open(file, fileno(c->stream), size, false))
        return false;
    if (pixels_hash(c, file) == c->checksum) {
        mapping_seal(file);
        return true;
    }
    mapping_free(file);
    return false;
}

uint8_t *picture_cache_pixels(const struct picture_cache *c, const struct mapping *file) {
    return file->bytes + c->start;
}

/* Takes the space on the disk at once, because writing to a mapping has no way to say that the disk is full. */
static bool begin_file(struct picture_cache *c, size_t size, struct mapping *file) {
    if (!*c->path || file_write_begin_own(&c->writing, c->path) != VGGCL_OK)
        return false;
    int descriptor = fileno(c->writing.stream);
    if (posix_fallocate(descriptor, 0, (off_t)size) == 0 && mapping_open(file, descriptor, size, true))
        return true;
    file_write_abandon(&c->writing);
    return false;
}

enum vggcl_err picture_cache_begin(struct picture_cache *c, const struct tree *t, const struct picture_size *size,
                                   struct mapping *file) {
    c->size = *size;
    c->start = start_of(t);
    size_t bytes = c->start + t->count * picture_bytes(size);
    char *kept = err_keep();
    bool begun = begin_file(c, bytes, file);
    err_put_back(kept);
    return begun || mapping_allocate(file, bytes) ? VGGCL_OK : err_no_memory("the pictures", bytes);
}

static void write_start(const struct picture_cache *c, const struct tree *t, const struct mapping *file) {
    struct header h = {.key = c->key,
                       .count = t->count,
                       .height = c->size.height,
                       .width = c->size.width,
                       .channels = c->size.channels,
                       .checksum = pixels_hash(c, file)};
    memcpy(h.magic, magic, sizeof magic);
    h.before = start_hash(&h, t);
    fwrite(&h, sizeof h, 1, c->writing.stream);
    for (size_t i = 0; i < t->count; i++)
        putc(!t->pictures[i].left_out, c->writing.stream);
}

void picture_cache_end(struct picture_cache *c, const struct tree *t, const struct mapping *file, bool keep) {
    char *kept = err_keep();
    if (c->writing.stream && keep) {
        write_start(c, t, file);
        file_write_commit(&c->writing);
    } else if (c->writing.stream) {
        file_write_abandon(&c->writing);
    }
    mapping_seal(file);
    err_put_back(kept);
}

void picture_cache_close(struct picture_cache *c) {
    if (c->stream)
        fclose(c->stream);
    c->stream = NULL;
}
