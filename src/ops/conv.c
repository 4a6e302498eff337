#include "ops/direct.h"

#include <string.h>

/* 10 MB of scratch stay in the shared cache of the CPUs measured; a GPU wants large launches more than locality. */
enum { CPU_CHUNK_WORDS = 5 << 19, OTHER_CHUNK_WORDS = 1 << 25 };

/* Below so many channels the products of Winograd's algorithm are too thin to be worth its transforms. */
enum { WINOGRAD_CHANNELS = 8 };

size_t conv_words(const struct dev *d) {
    return d->conv_words ? d->conv_words : d->info.type == VGGCL_CPU ? CPU_CHUNK_WORDS : OTHER_CHUNK_WORDS;
}

size_t conv_chunk(const struct dev *d, struct conv_shape s, size_t words_per_image) {
    size_t images = conv_words(d) / words_per_image;
    return images < 1 ? 1 : images < s.n ? images : s.n;
}

static const struct conv_algorithm *suitable(const struct dev *d, struct conv_shape s) {
    if (s.c <= DIRECT_CHANNELS)
        return &conv_direct;
    if (d->info.type != VGGCL_CPU || s.c < WINOGRAD_CHANNELS)
        return &conv_im2col;
    return s.h >= 4 && s.w >= 4 ? &conv_winograd4 : &conv_winograd2;
}

enum vggcl_err conv_choose(const struct dev *d, struct conv_shape s, const char *name,
                           const struct conv_algorithm **algorithm) {
    static const struct conv_algorithm *const all[] = {&conv_direct, &conv_im2col, &conv_winograd2, &conv_winograd4};
    if (strcmp(name, "auto") == 0) {
        *algorithm = suitable(d, s);
        return VGGCL_OK;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(name, all[i]->name) == 0) {
            *algorithm = all[i];
            return VGGCL_OK;
        }
    }
    return err_set(VGGCL_EUSAGE, "--conv takes auto, direct, im2col, winograd2 or winograd4, not '%s'", name);
}

struct conv_shape conv_reversed(struct conv_shape s) {
    return (struct conv_shape){s.n, s.h, s.w, s.o, s.c};
}

enum vggcl_err conv_data_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                  struct tensor weight, struct tensor dy, struct tensor dx,
                                  struct conv_scratch scratch) {
    return a->forward(a, d, conv_reversed(s), dy, weight, true, (struct tensor){NULL, 0}, dx, scratch);
}
