/* schedule.h - learning-rate schedules. */
#ifndef VGGCL_TRAIN_SCHEDULE_H
#define VGGCL_TRAIN_SCHEDULE_H

#include "vggcl.h"

/* The learning rate of step `step` of epoch `epoch`, both counted from 0, if an epoch has `steps` steps. With t the
 * number of completed steps, W that of config->warmup epochs, and T that of the whole run:
 *     t < W     lr * (t + 1) / W
 *     step      lr * lr_gamma^(epoch / lr_step), an integer division
 *     cosine    lr * (1 + cos(pi * (t - W) / (T - W))) / 2        (Loshchilov and Hutter 2017, without restarts)
 *     linear    lr * (1 - (t - W) / (T - W))                      (with warm-up: the 1cycle policy of Smith 2018) */
double schedule_lr(const struct vggcl_config *config, int epoch, int64_t step, int64_t steps);

#endif
