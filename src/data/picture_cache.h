/* picture_cache.h - decoded pictures, kept in one file in the cache, so that a second start need not decode them. */
#ifndef VGGCL_DATA_PICTURE_CACHE_H
#define VGGCL_DATA_PICTURE_CACHE_H

#include "data/decode.h"
#include "data/tree.h"

#include <stdio.h>

struct picture_cache {
    char path[VGGCL_PATH_MAX]; /* "" if there is no cache folder */
    FILE *stream;              /* open at the first picture's pixels; NULL if there is no valid file */
    struct picture_size size;  /* of each picture in the file */
    uint64_t key, checksum;
};

/* Opens the file made from the tree's pictures with the option size `side`, and marks each picture that is not in it as
 * left out. If there is none, if another version of vggcl made it, or a picture has changed since, the stream is NULL.
 * A folder has one file for each side, so that the files of its earlier states do not pile up. Call
 * picture_cache_close() afterwards. */
void picture_cache_open(struct picture_cache *cache, struct tree *tree, size_t side);

/* Reads the pixels of each picture i that is not left out to pixels[i]. False if the file is damaged. */
bool picture_cache_read(struct picture_cache *cache, const struct tree *tree, uint8_t *const *pixels);

/* Writes the pixels of all pictures that are not left out. On a failure, such as a full disk, there is no file. */
void picture_cache_write(const struct picture_cache *cache, const struct tree *tree, const struct picture_size *size,
                         uint8_t *const *pixels);

void picture_cache_close(struct picture_cache *cache);

#endif
