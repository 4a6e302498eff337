#include "ops/context.h"
#include "ops/gemm/clblast_parameters.h"

/* Words. 10 MB of scratch memory fit into the shared cache of the measured CPUs; on a GPU large launches matter more
 * than cache locality. */
enum { CPU_CONV_WORDS = 5 << 19, OTHER_CONV_WORDS = 1 << 25 };

struct tuning context_built_in_tuning(const struct dev *d) {
    return (struct tuning){.tile = {gemm_built_in_tile(d, false), gemm_built_in_tile(d, true)},
                           .clblast_set = clblast_built_in_set(d),
                           .conv_words = d->info.type == VGGCL_CPU ? CPU_CONV_WORDS : OTHER_CONV_WORDS};
}

struct context context_make(struct dev *d) {
    return (struct context){.dev = d, .tuning = context_built_in_tuning(d)};
}

/* If all other tiles are wrong too, the tile remains, and so its engine is wrong. */
static void replace_wrong_tile(const struct dev *d, struct tuning *t, bool transposed) {
    struct gemm_tile tiles[GEMM_OTHER_TILES];
    struct device_method m = {.tile = t->tile[transposed], .transposed = transposed};
    if (!tuning_is_wrong(t, &m))
        return;
    size_t count = gemm_other_tiles(d, transposed, tiles);
    for (size_t i = 0; i < count; i++) {
        m.tile = tiles[i];
        if (tuning_is_wrong(t, &m))
            continue;
        t->tile[transposed] = tiles[i];
        return;
    }
}

struct tuning context_untuned(const struct context *context) {
    struct tuning t = context_built_in_tuning(context->dev);
    tuning_take_wrong(&t, &context->tuning);
    replace_wrong_tile(context->dev, &t, false);
    replace_wrong_tile(context->dev, &t, true);
    return t;
}

enum vggcl_err context_tune(struct context *context, const struct tuning *t) {
    TRY(gemm_tile_check(context->dev, t->tile[false]));
    TRY(gemm_tile_check(context->dev, t->tile[true]));
    context->tuning = *t;
    if (context->strict)
        context->tuning.wrong_count = 0;
    replace_wrong_tile(context->dev, &context->tuning, false);
    replace_wrong_tile(context->dev, &context->tuning, true);
    return VGGCL_OK;
}
