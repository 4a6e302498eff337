/* The file in which decoded pictures are kept, of a folder of four pictures. Byte 0 of the input says which of the
 * header's hashes are made right (bit 0: the key, 1: that of the start, 2: the checksum of the pixels), so that an
 * input gets behind them, as that of a stranger who knows the format does. Then come the header, a byte for each
 * picture, and the pixels; the bytes between these and the pixels are made here. */
#include "common.h"
#include "base/hash.h"
#include "data/dataset.h"
#include "data/picture_cache.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURES = 4, HEADER = 80, KEY = 24, CHECKSUM = 64, BEFORE = 72, START = 4096 };

static void put(uint8_t *to, uint64_t value) {
    memcpy(to, &value, sizeof value);
}

static uint64_t hash_start(const uint8_t *file) {
    uint64_t hash = hash_bytes(HASH_START, file, BEFORE);
    for (int i = 0; i < PICTURES; i++) {
        unsigned char present = file[HEADER + i] == 1;
        hash = hash_bytes(hash, &present, 1);
    }
    return hash;
}

/* The file that the input describes; the caller frees it. */
static uint8_t *make_file(struct fuzz_input input, uint64_t key, size_t *size) {
    uint8_t how = fuzz_byte(&input);
    size_t start = input.count < HEADER + PICTURES ? input.count : HEADER + PICTURES, pixels = input.count - start;
    uint8_t *file = calloc(START + pixels + 1, 1);
    FUZZ_HOLDS(file);
    if (start)
        memcpy(file, input.bytes, start);
    if (pixels)
        memcpy(file + START, input.bytes + start, pixels);
    if (how & 1)
        put(file + KEY, key);
    if (how & 4)
        put(file + CHECKSUM, hash_words(HASH_START, file + START, pixels));
    if (how & 2)
        put(file + BEFORE, hash_start(file));
    *size = start < HEADER + PICTURES ? start : START + pixels;
    return file;
}

static void read_cache(struct tree *t) {
    struct picture_cache cache;
    struct mapping file = {0};
    volatile uint8_t pixel;
    picture_cache_open(&cache, t, 0);
    if (cache.stream && picture_cache_map(&cache, t, &file)) {
        const struct picture_size *size = &cache.size;
        FUZZ_HOLDS(size->height >= DATA_LEAST_SIDE && size->height <= DATA_MOST_SIDE);
        FUZZ_HOLDS(size->width >= DATA_LEAST_SIDE && size->width <= DATA_MOST_SIDE);
        FUZZ_HOLDS(size->channels == 1 || size->channels == 3);
        for (size_t i = 0; i < PICTURES * picture_bytes(size); i++)
            pixel = picture_cache_pixels(&cache, &file)[i];
        (void)pixel;
    }
    mapping_free(&file);
    picture_cache_close(&cache);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    char path[VGGCL_PATH_MAX];
    struct picture pictures[PICTURES] = {{0}};
    struct tree t = {.pictures = pictures, .count = PICTURES, .class_count = 2};
    struct picture_cache empty;
    size_t size;
    snprintf(t.folder, sizeof t.folder, "%s", fuzz_folder());
    FUZZ_HOLDS(file_path(path, t.folder, "picture.png") == VGGCL_OK);
    for (int i = 0; i < PICTURES; i++)
        pictures[i].path = path;
    picture_cache_open(&empty, &t, 0);
    picture_cache_close(&empty);
    FUZZ_HOLDS(*empty.path);
    uint8_t *file = make_file((struct fuzz_input){bytes, count}, empty.key, &size);
    fuzz_file(empty.path + strlen(t.folder) + 1, file, size);
    free(file);
    read_cache(&t);
    return 0;
}
