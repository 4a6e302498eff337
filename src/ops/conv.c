#include "ops/direct.h"
#include "ops/tuning.h"
#include "ops/winograd.h"

#include <stdio.h>
#include <string.h>

/* 10 MB of scratch stay in the shared cache of the CPUs measured; a GPU wants large launches more than locality. */
enum { CPU_CHUNK_WORDS = 5 << 19, OTHER_CHUNK_WORDS = 1 << 25 };

/* Below so many channels the products of Winograd's algorithm are too thin to be worth its transforms. */
enum { WINOGRAD_CHANNELS = 8 };

/* More slabs of statistics take bn_finish(), where one work-item goes through them, longer than a pass of their own. */
enum { MOST_SLABS = 4096 };

size_t conv_words(const struct dev *d) {
    return d->conv_words ? d->conv_words : d->tuning ? d->tuning->conv_words : conv_built_in_words(d);
}

size_t conv_built_in_words(const struct dev *d) {
    return d->info.type == VGGCL_CPU ? CPU_CHUNK_WORDS : OTHER_CHUNK_WORDS;
}

size_t conv_chunk(const struct dev *d, struct conv_shape s, size_t words_per_image, size_t weight_words) {
    size_t words = conv_words(d);
    if (words < weight_words && !d->conv_words)
        words = weight_words;
    size_t images = words / words_per_image;
    return images < 1 ? 1 : images < s.n ? images : s.n;
}

const struct conv_algorithm *const conv_algorithms[] = {&conv_direct,
                                                        &conv_im2col,
                                                        &conv_winograd2,
                                                        &conv_winograd4,
                                                        &conv_winograd4_fused,
                                                        &conv_winograd4_sliced,
                                                        &conv_winograd2_lone,
                                                        &conv_winograd2_lone_sliced,
                                                        NULL};

struct conv_shape conv_reversed(struct conv_shape s) {
    return (struct conv_shape){s.n, s.h, s.w, s.o, s.c};
}

/* The convolution that a direction of s is. */
static struct conv_shape directed(struct conv_shape s, enum conv_direction direction) {
    return direction == CONV_DATA_GRADIENT ? conv_reversed(s) : s;
}

bool conv_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, enum conv_direction direction) {
    return !a->can || a->can(a, d, directed(s, direction), direction == CONV_WEIGHT_GRADIENT);
}

bool conv_multiplies(const struct conv_algorithm *a) {
    return a->product != NULL;
}

/* Which of Winograd's F(4x4, 3x3) is best on a CPU depends on what its caches hold; measured. The sums of a fused
 * weight gradient, which go through memory once for each group of tiles, outgrow them before weights do. */
static const struct conv_algorithm *suitable_winograd4(const struct dev *d, struct conv_shape s,
                                                       enum conv_direction direction) {
    size_t image_words =
        winograd_points(WINOGRAD_F4) * winograd_tiles(WINOGRAD_F4, s.h, s.w) * s.n * (s.c > s.o ? s.c : s.o);
    bool fusable = s.c * s.o <= 256 * 256;
    bool sliceable = s.c * s.o >= 128 * 256 && (direction == CONV_WEIGHT_GRADIENT || image_words <= conv_words(d));
    if (sliceable && conv_can(&conv_winograd4_sliced, d, s, direction))
        return &conv_winograd4_sliced;
    if (fusable && conv_can(&conv_winograd4_fused, d, s, direction))
        return &conv_winograd4_fused;
    return &conv_winograd4;
}

static const struct conv_algorithm *suitable(const struct dev *d, struct conv_shape s, enum conv_direction direction) {
    if (s.c <= DIRECT_CHANNELS)
        return &conv_direct;
    if (s.c < WINOGRAD_CHANNELS)
        return &conv_im2col;
    if (conv_can(&conv_winograd2_lone_sliced, d, s, direction))
        return &conv_winograd2_lone_sliced;
    if (conv_can(&conv_winograd2_lone, d, s, direction))
        return &conv_winograd2_lone;
    if (s.h < 4 || s.w < 4)
        return &conv_winograd2;
    return suitable_winograd4(d, s, direction);
}

/* NULL for "auto". */
static enum vggcl_err find(const char *name, const struct conv_algorithm **algorithm) {
    *algorithm = NULL;
    if (strcmp(name, "auto") == 0)
        return VGGCL_OK;
    for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++)
        if (strcmp(name, (*a)->name) == 0)
            *algorithm = *a;
    if (*algorithm)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "--conv takes auto, direct, im2col, winograd2, winograd4, winograd4-fused, winograd4-sliced, "
                   "winograd2-lone or winograd2-lone-sliced, not '%s'",
                   name);
}

enum vggcl_err conv_choose(const struct dev *d, struct conv_shape s, const char *name,
                           struct conv_method methods[CONV_DIRECTIONS]) {
    const struct conv_algorithm *forced;
    TRY(find(name, &forced));
    const struct tuned_conv *tuned = tuning_find(d->tuning, s);
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        methods[i] = (struct conv_method){forced ? forced : suitable(d, s, (enum conv_direction)i), gemm_engine(d)};
        const struct conv_algorithm *found = tuned ? tuned->methods[i].algorithm : NULL;
        if (!found || (forced && forced != found) || !conv_can(found, d, s, (enum conv_direction)i))
            continue;
        methods[i].algorithm = found;
        if (gemm_allows(d, tuned->methods[i].engine))
            methods[i].engine = tuned->methods[i].engine;
    }
    return VGGCL_OK;
}

struct vggcl_method conv_describe(struct conv_method m) {
    struct vggcl_method text;
    snprintf(text.algorithm, sizeof text.algorithm, "%s", m.algorithm->name);
    snprintf(text.engine, sizeof text.engine, "%s", conv_multiplies(m.algorithm) ? gemm_engine_names[m.engine] : "");
    return text;
}

/* The algorithm that does what m is asked for. */
static const struct conv_algorithm *able(struct conv_method m, const struct dev *d, struct conv_shape s,
                                         enum conv_direction direction) {
    const struct conv_algorithm *a = m.algorithm;
    while (!conv_can(a, d, s, direction))
        a = a->otherwise;
    return a;
}

struct conv_scratch_words conv_scratch_words(struct conv_method m, const struct dev *d, struct conv_shape s,
                                             enum conv_direction direction) {
    const struct conv_algorithm *a = able(m, d, s, direction);
    return a->scratch(a, d, directed(s, direction));
}

/* ------------------------------------------------------------------------------------------------- directions -- */

size_t conv_slabs(struct conv_method m, const struct dev *d, struct conv_shape s) {
    const struct conv_algorithm *a = able(m, d, s, CONV_FORWARD);
    size_t slabs = a->slabs ? a->slabs(a, d, s) : 0;
    return slabs <= MOST_SLABS ? slabs : 0;
}

enum vggcl_err conv_forward(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor x,
                            struct tensor weight, struct tensor bias, struct tensor y, struct tensor partial,
                            struct conv_scratch scratch) {
    const struct conv_algorithm *a = able(m, d, s, CONV_FORWARD);
    enum gemm_engine before = gemm_switch(d, m.engine);
    enum vggcl_err err = a->forward(a, d, s, x, weight, false, bias, y, partial, scratch);
    gemm_switch(d, before);
    return err;
}

enum vggcl_err conv_data_gradient(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor weight,
                                  struct tensor dy, struct tensor dx, struct conv_scratch scratch) {
    const struct conv_algorithm *a = able(m, d, s, CONV_DATA_GRADIENT);
    enum gemm_engine before = gemm_switch(d, m.engine);
    const struct tensor none = {0};
    enum vggcl_err err = a->forward(a, d, conv_reversed(s), dy, weight, true, none, dx, none, scratch);
    gemm_switch(d, before);
    return err;
}

enum vggcl_err conv_weight_gradient(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor x,
                                    struct tensor dy, struct tensor dweight, struct conv_scratch scratch) {
    const struct conv_algorithm *a = able(m, d, s, CONV_WEIGHT_GRADIENT);
    enum gemm_engine before = gemm_switch(d, m.engine);
    enum vggcl_err err = a->weight_gradient(a, d, s, x, dy, dweight, scratch);
    gemm_switch(d, before);
    return err;
}
