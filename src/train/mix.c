#include "train/mix.h"
#include "base/rng.h"

#include <math.h>

static int limited(int at, size_t side) {
    int most = (int)side;
    return at < 0 ? 0 : at > most ? most : at;
}

/* A box of 1 - share of the image's area, its middle at a random pixel; what is outside of the image is cut off. */
static struct mix cut(struct rng *r, const struct image_set *set, double share) {
    int height = (int)((double)set->height * sqrt(1 - share)), width = (int)((double)set->width * sqrt(1 - share));
    int row = (int)rng_below(r, (uint32_t)set->height), column = (int)rng_below(r, (uint32_t)set->width);
    struct mix mix = {.top = limited(row - height / 2, set->height),
                      .left = limited(column - width / 2, set->width),
                      .bottom = limited(row + height / 2, set->height),
                      .right = limited(column + width / 2, set->width)};
    int area = (mix.bottom - mix.top) * (mix.right - mix.left);
    mix.share = 1 - area / (double)(set->height * set->width);
    return mix;
}

struct mix mix_draw(const struct vggcl_config *config, const struct image_set *set, int64_t step, size_t first,
                    size_t n) {
    struct rng r = rng_sequence(config->seed, RNG_MIX, (uint64_t)step);
    bool cutmix = rng_uniform(&r) < 0.5 ? config->cutmix > 0 : config->mixup <= 0;
    double alpha = cutmix ? config->cutmix : config->mixup;
    if (alpha <= 0)
        return MIX_NONE;
    double share = rng_beta(&r, alpha);
    struct mix mix = {.bottom = (int)set->height, .right = (int)set->width, .inside = share, .share = share};
    if (cutmix)
        mix = cut(&r, set, share);
    mix.ends = 2 * first + n - 1;
    return mix;
}
