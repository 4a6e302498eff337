/* picture_cache.h - decoded pictures, kept in one file in the cache, so that a second start need not decode them. The
 * file is mapped, not read, so that it may be larger than memory. */
#ifndef VGGCL_DATA_PICTURE_CACHE_H
#define VGGCL_DATA_PICTURE_CACHE_H

#include "base/file.h"
#include "base/mapping.h"
#include "data/decode.h"
#include "data/tree.h"

struct picture_cache {
    char path[VGGCL_PATH_MAX]; /* "" if there is no cache folder */
    FILE *stream;              /* the file; NULL if there is no valid one */
    struct picture_size size;  /* of each picture in the file */
    size_t start;              /* offset of the first picture's pixels in the file */
    uint64_t key, checksum;
    struct file_write writing; /* between picture_cache_begin() and picture_cache_end() */
};

/* Opens the file made from the tree's pictures with the option size `side`, and marks each picture that is not in it as
 * left out. If there is none, if another version of vggcl made it, or a picture has changed since, the stream is NULL.
 * A folder has one file for each side, so that the files of its earlier states do not pile up. Call
 * picture_cache_close() afterwards. */
void picture_cache_open(struct picture_cache *cache, struct tree *tree, size_t side);

/* Maps the file, whose mapping can be read after picture_cache_close() too. Its checksum is compared, for which all of
 * it is read once: about 3 GB a second from memory, or as fast as the disk is. False if the file is damaged. */
bool picture_cache_map(struct picture_cache *cache, const struct tree *tree, struct mapping *file);

/* The place of the tree's first picture in such a mapping; each picture has a place, with or without pixels. */
uint8_t *picture_cache_pixels(const struct picture_cache *cache, const struct mapping *file);

/* Begins a new file with a place for each of the tree's pictures, and maps it to be written to. If that is not
 * possible, for example because the disk is full, the mapping is memory. VGGCL_ENOMEM if there is too little of that
 * too. */
enum vggcl_err picture_cache_begin(struct picture_cache *cache, const struct tree *tree,
                                   const struct picture_size *size, struct mapping *file);

/* Completes the file, if it is to be kept; otherwise, or on a failure, no file is left. In any case the mapping remains
 * and can be read. */
void picture_cache_end(struct picture_cache *cache, const struct tree *tree, const struct mapping *file, bool keep);

void picture_cache_close(struct picture_cache *cache);

/* Bytes of a picture's pixels. */
static inline size_t picture_bytes(const struct picture_size *size) {
    return size->height * size->width * size->channels;
}

#endif
