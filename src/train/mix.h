/* mix.h - mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019): a step trains on mixtures of its batch's images. */
#ifndef VGGCL_TRAIN_MIX_H
#define VGGCL_TRAIN_MIX_H

#include "ops/image.h"
#include "vggcl.h"

/* How the images of a step of config's run, counted from 0, are mixed; they are the positions first .. first + n - 1 of
 * the order. As in timm, all images of a step have the same share, which is drawn from Beta(A, A), and the same box;
 * the partner of the batch's image i is its image n - 1 - i. With both options, each step uses one of them, with
 * probability 1/2. A function of seed and step, so a resumed run and every device draw the same. */
struct mix mix_draw(const struct vggcl_config *config, const struct image_set *set, int64_t step, size_t first,
                    size_t n);

#endif
