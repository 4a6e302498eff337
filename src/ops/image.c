#include "ops/image.h"
#include "base/rng.h"

#include <stdio.h>

enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           const struct normalisation *normalisation, const struct augmentation *a, struct tensor x,
                           struct tensor labels) {
    char options[128];
    double factor[NORMALISE_CHANNELS];
    for (int i = 0; i < NORMALISE_CHANNELS; i++)
        factor[i] = 1 / normalisation->deviation[i];
    snprintf(options, sizeof options, "%s -DHEIGHT=%zu -DWIDTH=%zu -DCHANNELS=%zu", dev_stored_option(d, 1, x.half),
             set->height, set->width, set->channels);
    return dev_run(d, "image/image_batch", options, RANGE(n * set->height),
                   ARGS(A_MEM(set->pixels), A_MEM(set->labels), A_MEM(order), A_INT(first), A_INT(n),
                        A_INT(set->staged), A_FLOAT4(normalisation->mean), A_FLOAT4(factor), A_INT(a->mirror),
                        A_INT(a->shift), A_INT(a->cutout), A_UINT2(a->seed, a->seed >> 32), A_UINT(a->epoch),
                        A_UINT(RNG_AUGMENT), A_MEM(x), A_MEM(labels)));
}
