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

enum vggcl_err context_tune(struct context *context, const struct tuning *t) {
    TRY(gemm_tile_check(context->dev, t->tile[false]));
    TRY(gemm_tile_check(context->dev, t->tile[true]));
    context->tuning = *t;
    return VGGCL_OK;
}
