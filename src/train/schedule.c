#include "train/schedule.h"

#include <math.h>

double schedule_lr(const struct vggcl_config *config, int epoch, int64_t step, int64_t steps) {
    double done = (double)epoch * (double)steps + (double)step, all = (double)config->epochs * (double)steps;
    double warm = config->warmup * (double)steps, progress = (done - warm) / (all - warm);
    if (done < warm)
        return config->lr * fmin((done + 1) / warm, 1);
    switch (config->schedule) {
    case VGGCL_SCHEDULE_COSINE:
        return config->lr * (1 + cos(acos(-1) * progress)) / 2;
    case VGGCL_SCHEDULE_LINEAR:
        return config->lr * (1 - progress);
    default:
        return config->lr * pow(config->lr_gamma, epoch / config->lr_step);
    }
}
