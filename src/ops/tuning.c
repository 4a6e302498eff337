#include "ops/tuning.h"

static double ratio(size_t a, size_t b) {
    return a > b ? (double)a / (double)b : (double)b / (double)a;
}

const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s) {
    const struct tuned_conv *nearest = NULL;
    for (const struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        if (row->s.h == s.h && row->s.w == s.w && row->s.c == s.c && row->s.o == s.o && ratio(row->s.n, s.n) <= 2 &&
            (!nearest || ratio(row->s.n, s.n) < ratio(nearest->s.n, s.n)))
            nearest = row;
    return nearest;
}
