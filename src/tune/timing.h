/* timing.h - timing of whole steps of a net, on synthetic images that are the same each time. */
#ifndef VGGCL_TUNE_TIMING_H
#define VGGCL_TUNE_TIMING_H

#include "nets/net.h"

/* Sorts values and returns their median; count is at least 1. */
double timing_median(double *values, int count);

/* VGGCL_EUSAGE unless a caller of the library asks for at least one step. */
enum vggcl_err timing_check_steps(int steps);

/* Runs one training step, or one evaluation, of a whole batch, and waits until the device has finished. */
enum vggcl_err timing_train_step(struct net *net, uint64_t step);
enum vggcl_err timing_eval_step(struct net *net, uint64_t step);

/* Times up to `steps` calls of run, after two untimed calls to warm up. Stops early after `seconds`, but times at least
 * one step. *images: images per second. *first, unless NULL, is set to the seconds of the first call, which builds the
 * kernels. */
enum vggcl_err timing_steps(struct net *net, int steps, double seconds, enum vggcl_err (*run)(struct net *, uint64_t),
                            struct vggcl_spread *images, double *first);

/* Allocates a net's memory, and sets its weights and input. */
enum vggcl_err timing_fill(struct net *net, uint64_t seed);

/* Makes config's network for training on images of config->shape, with memory, weights and synthetic images. The
 * caller releases *net with net_free(), also after a failure. */
enum vggcl_err timing_make_net(const struct context *context, const struct vggcl_config *config, struct net **net);

/* Sets *seconds to the median time of `steps` training steps of config's network, after two untimed ones. */
enum vggcl_err timing_step(const struct context *context, const struct vggcl_config *config, int steps,
                           double *seconds);

/* Allocates the net, and sets *images_per_second to the median of `steps` training steps of full batches, after two
 * untimed ones. */
enum vggcl_err timing_net(struct net *net, uint64_t seed, int steps, double *images_per_second);

#endif
