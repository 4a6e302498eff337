#include "ops/tuning.h"

#include <stdlib.h>

struct tuning tuning_built_in(const struct dev *d) {
    return (struct tuning){.tile = {gemm_built_in_tile(d, false), gemm_built_in_tile(d, true)},
                           .clblast_set = clblast_built_in_set(d),
                           .conv_words = conv_built_in_words(d)};
}

enum vggcl_err tuning_use(struct dev *d, const struct tuning *t) {
    if (!t) {
        free(d->tuning);
        d->tuning = NULL;
        return VGGCL_OK;
    }
    TRY(gemm_tile_check(d, t->tile[false]));
    TRY(gemm_tile_check(d, t->tile[true]));
    if (!d->tuning)
        d->tuning = malloc(sizeof *d->tuning);
    if (!d->tuning)
        return err_no_memory("the device's tuning", sizeof *d->tuning);
    *d->tuning = *t;
    return VGGCL_OK;
}

const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s) {
    for (size_t i = 0; t && i < t->conv_count; i++) {
        const struct tuned_conv *row = &t->convs[i];
        if (row->h == s.h && row->w == s.w && row->c == s.c && row->o == s.o)
            return row;
    }
    return NULL;
}
