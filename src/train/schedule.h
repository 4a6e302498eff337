/* schedule.h - the learning rate over a run. */
#ifndef VGGCL_TRAIN_SCHEDULE_H
#define VGGCL_TRAIN_SCHEDULE_H

#include "vggcl.h"

/* The learning rate of step `step` of epoch `epoch`, both from 0, where an epoch has `steps`. With t the steps done, W
 * those of config->warmup epochs and T those of all:
 *     t < W     lr * (t + 1) / W
 *     step      lr * lr_gamma^(epoch / lr_step), in whole numbers
 *     cosine    lr * (1 + cos(pi * (t - W) / (T - W))) / 2        (Loshchilov and Hutter 2017, without restarts)
 *     linear    lr * (1 - (t - W) / (T - W))                      (with warm-up: the one cycle of Smith 2018) */
double schedule_lr(const struct vggcl_config *config, int epoch, int64_t step, int64_t steps);

#endif
