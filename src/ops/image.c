#include "ops/image.h"
#include "base/rng.h"

#include <stdio.h>

enum vggcl_err image_batch(struct dev *d, const struct image_set *set, struct tensor order, size_t first, size_t n,
                           const struct normalisation *normalisation, const struct augmentation *a,
                           const struct image_tensors *to) {
    char options[192];
    double factor[NORMALISE_CHANNELS];
    const struct mix m = mix_is_none(&a->mix) ? MIX_NONE : a->mix;
    size_t images = mix_is_none(&m) ? n : 2 * n;
    bool plain = images == n && a->color_jitter <= 0 && a->resized_crop <= 0;
    for (int i = 0; i < NORMALISE_CHANNELS; i++)
        factor[i] = 1 / normalisation->deviation[i];
    snprintf(options, sizeof options, "%s -DHEIGHT=%zu -DWIDTH=%zu -DCHANNELS=%zu -DPLAIN=%d",
             dev_stored_option(d, 1, to->x.stored), set->height, set->width, set->channels, plain);
    if (a->color_jitter > 0)
        TRY(dev_run(d, "image/image_grey", options, RANGE(images * set->height),
                    ARGS(A_MEM(set->pixels), A_MEM(order), A_INT(first), A_INT(n), A_INT(set->staged), A_INT(m.ends),
                         A_INT(images), A_MEM(to->grey))));
    return dev_run(d, "image/image_batch", options, RANGE(n * set->height),
                   ARGS(A_MEM(set->pixels), A_MEM(set->labels), A_MEM(order), A_INT(first), A_INT(n),
                        A_INT(set->staged), A_FLOAT4(normalisation->mean), A_FLOAT4(factor), A_INT(a->mirror),
                        A_INT(a->shift), A_INT(a->cutout), A_FLOAT(a->resized_crop), A_FLOAT(a->color_jitter),
                        A_UINT2(a->seed, a->seed >> 32), A_UINT(a->epoch), A_UINT(RNG_AUGMENT), A_MEM(to->grey),
                        A_INT(m.ends), A_INT(m.top), A_INT(m.left), A_INT(m.bottom), A_INT(m.right), A_FLOAT(m.inside),
                        A_MEM(to->x), A_MEM(to->label), A_MEM(to->partner_label)));
}
