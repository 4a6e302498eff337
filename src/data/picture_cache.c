#define _XOPEN_SOURCE 700 /* realpath */
#include "data/picture_cache.h"
#include "base/cache_folder.h"
#include "base/file.h"
#include "base/hash.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The file: this header, a byte for each picture that is 1 if its pixels follow, then the pixels. Only the machine that
 * wrote it reads it, so its byte order does not matter. A new version has another magic. */
struct header {
    char magic[24];
    uint64_t key, count, height, width, channels;
    uint64_t checksum; /* hash_words() of the pixels, picture by picture */
    uint64_t before;   /* start_hash() of all that is before the pixels */
};
static const char magic[24] = "vggcl pictures 2\n";

static size_t picture_bytes(const struct picture_size *size) {
    return size->height * size->width * size->channels;
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

/* Reads what is before the pixels; false if it is not of this tree, or damaged. */
static bool read_start(struct picture_cache *c, struct tree *t) {
    struct header h;
    if (fread(&h, sizeof h, 1, c->stream) != 1 || memcmp(h.magic, magic, sizeof magic) != 0 || h.key != c->key ||
        h.count != t->count)
        return false;
    for (size_t i = 0; i < t->count; i++)
        t->pictures[i].left_out = getc(c->stream) != 1;
    c->size = (struct picture_size){h.height, h.width, h.channels};
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
    c->stream = *c->path ? fopen(c->path, "rb") : NULL;
    if (!c->stream || read_start(c, t))
        return;
    picture_cache_close(c);
    tree_forget_problems(t);
}

bool picture_cache_read(struct picture_cache *c, const struct tree *t, uint8_t *const *pixels) {
    size_t bytes = picture_bytes(&c->size);
    uint64_t checksum = HASH_START;
    for (size_t i = 0; i < t->count; i++) {
        if (t->pictures[i].left_out)
            continue;
        if (fread(pixels[i], 1, bytes, c->stream) != bytes)
            return false;
        checksum = hash_words(checksum, pixels[i], bytes);
    }
    return checksum == c->checksum;
}

void picture_cache_write(const struct picture_cache *c, const struct tree *t, const struct picture_size *size,
                         uint8_t *const *pixels) {
    struct file_write file;
    struct header h = {.key = c->key,
                       .count = t->count,
                       .height = size->height,
                       .width = size->width,
                       .channels = size->channels,
                       .checksum = HASH_START};
    char *kept = err_keep();
    memcpy(h.magic, magic, sizeof magic);
    for (size_t i = 0; i < t->count; i++)
        if (!t->pictures[i].left_out)
            h.checksum = hash_words(h.checksum, pixels[i], picture_bytes(size));
    h.before = start_hash(&h, t);
    if (*c->path && file_write_begin(&file, &folder_current, c->path) == VGGCL_OK) {
        fwrite(&h, sizeof h, 1, file.stream);
        for (size_t i = 0; i < t->count; i++)
            putc(!t->pictures[i].left_out, file.stream);
        for (size_t i = 0; i < t->count && !ferror(file.stream); i++)
            if (!t->pictures[i].left_out)
                fwrite(pixels[i], 1, picture_bytes(size), file.stream);
        file_write_commit(&file);
    }
    err_put_back(kept);
}

void picture_cache_close(struct picture_cache *c) {
    if (c->stream)
        fclose(c->stream);
    c->stream = NULL;
}
