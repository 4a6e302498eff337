#include "ops/gemm/clblast_parameters.h"

/* "avx512" was measured with CLBlast's tuner (clblast_tuner_xgemm) with PoCL on an AVX-512 CPU; CLBlast's database has
 * no entry for PoCL's CPUs, and its defaults are five times slower there. The others are typical of GPUs: a work-group
 * computes 128 x 128 or 64 x 64 words with local memory, or 32 x 32 without. */
static const struct clblast_set sets[] = {
    [CLBLAST_OWN_SET] = {"own", {0}},
    {"avx512", {0, 1, 16, 2, 8, 8, 128, 16, 8, 128, 0, 0, 1, 1, 8, 8}},
    {"large", {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}},
    {"medium", {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4}},
    {"small", {0, 1, 16, 2, 8, 8, 32, 8, 8, 32, 0, 0, 0, 0, 4, 4}},
};
enum { SETS = sizeof sets / sizeof *sets, AVX512 = 1 };

const struct clblast_set *clblast_set(int set) {
    return set >= 0 && set < SETS ? &sets[set] : NULL;
}

const char *clblast_set_name(int set) {
    return clblast_set(set) ? clblast_set(set)->name : NULL;
}

int clblast_built_in_set(const struct dev *d) {
    return d->simt ? CLBLAST_OWN_SET : AVX512;
}
