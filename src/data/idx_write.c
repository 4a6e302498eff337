#include "data/idx_write.h"
#include "base/file.h"
#include "base/parallel.h"

#include <stdlib.h>

enum { CHUNK = 1 << 24 }; /* bytes of images in memory */

static void put_number(struct file_write *file, size_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(number >> shift & 255), file->stream);
}

/* Creates the file and writes its header. */
static enum vggcl_err begin(struct file_write *file, const char *folder, const char *part, const char *kind,
                            int dimension_count, const size_t *dimensions) {
    char name[64], path[VGGCL_PATH_MAX];
    snprintf(name, sizeof name, "%s-%s-idx%d-ubyte", part, kind, dimension_count);
    TRY(file_path(path, folder, name));
    TRY(file_write_begin(file, &folder_current, path));
    put_number(file, 0x800 + (size_t)dimension_count);
    for (int i = 0; i < dimension_count; i++)
        put_number(file, dimensions[i]);
    return VGGCL_OK;
}

/* Images that are drawn to memory, before they are written. */
struct chunk {
    const struct idx_part *part;
    size_t first, bytes; /* the index of the first one; bytes of each */
    uint8_t *pixels;
};

static void draw_one(size_t i, void *payload) {
    const struct chunk *c = payload;
    c->part->draw(c->pixels + i * c->bytes, c->first + i, c->part->payload);
}

static void write_pixels(struct file_write *file, struct chunk *c) {
    size_t most = CHUNK / c->bytes, n;
    for (; c->first < c->part->count && !ferror(file->stream); c->first += n) {
        n = c->part->count - c->first < most ? c->part->count - c->first : most;
        parallel_for(n, &(struct parallel){.one = draw_one, .payload = c});
        fwrite(c->pixels, c->bytes, n, file->stream);
        c->part->written(c->first + n, c->part->payload);
    }
}

static enum vggcl_err write_images(const char *folder, const struct data_spec *spec, const struct idx_part *part) {
    struct file_write file;
    struct chunk chunk = {.part = part, .bytes = data_image_bytes(spec), .pixels = malloc(CHUNK)};
    if (!chunk.pixels)
        return err_no_memory("images", CHUNK);
    enum vggcl_err err = begin(&file, folder, part->name, "images", 4,
                               (size_t[]){part->count, spec->channels, spec->height, spec->width});
    if (err == VGGCL_OK) {
        write_pixels(&file, &chunk);
        err = file_write_commit(&file);
    }
    free(chunk.pixels);
    return err;
}

static enum vggcl_err write_labels(const char *folder, const struct idx_part *part) {
    struct file_write file;
    TRY(begin(&file, folder, part->name, "labels", 1, &part->count));
    for (size_t i = 0; i < part->count; i++)
        fputc(part->label(i), file.stream);
    return file_write_commit(&file);
}

enum vggcl_err idx_write(const char *folder, const struct data_spec *spec, const struct idx_part *part) {
    TRY(write_images(folder, spec, part));
    return write_labels(folder, part);
}
