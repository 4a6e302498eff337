/* bench.h - timing: what vggcl_bench() and the search for a tuning share. */
#ifndef VGGCL_TRAIN_BENCH_H
#define VGGCL_TRAIN_BENCH_H

#include "net/net.h"

/* Sorts values; count is at least one. */
double bench_median(double *values, int count);

/* The median seconds of `steps` training steps of config's network on d, as d is tuned, after two to warm up. */
enum vggcl_err bench_step(struct dev *d, const struct vggcl_config *config, int steps, double *seconds);

/* The images per second of as many steps of a net that is still to be allocated, of as many images as it takes. */
enum vggcl_err bench_net(struct net *net, uint64_t seed, int steps, double *images_per_second);

#endif
