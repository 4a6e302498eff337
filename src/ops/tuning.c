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

static double ratio(size_t a, size_t b) {
    return a > b ? (double)a / (double)b : (double)b / (double)a;
}

const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s) {
    const struct tuned_conv *nearest = NULL;
    for (const struct tuned_conv *row = t ? t->convs : NULL; t && row < t->convs + t->conv_count; row++)
        if (row->s.h == s.h && row->s.w == s.w && row->s.c == s.c && row->s.o == s.o && ratio(row->s.n, s.n) <= 2 &&
            (!nearest || ratio(row->s.n, s.n) < ratio(nearest->s.n, s.n)))
            nearest = row;
    return nearest;
}
