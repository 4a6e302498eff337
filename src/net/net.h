/* net.h - layers in a row, the memory they live in, and the loss behind the last one.
 *
 * Memory: an arena for each of the groups below, laid out before any is taken. Activations and their gradients lie over
 * each other where they are not needed at the same time: evaluation keeps two activations, training all of them until
 * the backward pass is through with them, and puts the gradients where later activations have been. Convolutions and
 * reductions share one scratch space. Weights, their gradients and their velocities lie in three arenas of one layout,
 * so that SGD takes one launch a block; so do running statistics and those of a batch, and the averages of both. */
#ifndef VGGCL_NET_NET_H
#define VGGCL_NET_NET_H

#include "cl/arena.h"
#include "layers/layer.h"
#include "ops/sgd.h"

/* What a net has memory for; each kind has all that the one before has. */
enum net_use {
    NET_EVALUATES,
    NET_TRAINS,  /* gradients, velocities and a batch's statistics */
    NET_AVERAGES /* averages of weights and statistics */
};

enum net_group {
    NET_WEIGHTS,
    NET_GRADIENTS,
    NET_VELOCITIES,
    NET_STATISTICS,       /* running */
    NET_BATCH_STATISTICS, /* of the last training pass */
    NET_AVERAGED_WEIGHTS, /* over the steps, see net_average() */
    NET_AVERAGED_STATISTICS,
    NET_ACTIVATIONS, /* with their gradients */
    NET_SCRATCH,
    NET_REST, /* input, labels, losses */
    NET_GROUPS
};

struct net {
    struct dev *dev;
    struct layer *layers;
    size_t layer_count, batch, classes;
    enum net_use use;
    size_t bytes;                   /* of device memory, known before any is taken */
    size_t group_bytes[NET_GROUPS]; /* what they are made of */

    struct tensor input;                         /* NHWC, batch images */
    struct tensor other_logits;                  /* see net_average_logits() */
    struct tensor label, loss, predicted, total; /* [batch] int, float, int; see softmax_total() */
    struct tensor failed; /* int: a training step's loss was not finite, and no weight has moved since */

    size_t gemm_words; /* scratch memory that the passes rehearsed want for matrix products; part of NET_SCRATCH */

    struct arena arenas[NET_GROUPS];
    struct scratch scratch;
    struct scratch_words scratch_words;
};

/* Lays out a net of count layers for up to batch images of shape input; the last layer gives the logits. conv: as in
 * conv_choose(). Takes no device memory yet, but knows net->bytes. Release with net_free(). */
enum vggcl_err net_create(struct dev *d, const struct layer_spec *specs, size_t count, struct shape input, size_t batch,
                          const char *conv, enum net_use use, struct net **net);

/* Finds out, before net_allocate(), what scratch memory the matrix product engine wants for a pass over n images, and
 * counts it in net->bytes. What is not rehearsed is allocated when it is first needed. */
enum vggcl_err net_rehearse(struct net *net, size_t n, bool training);

/* Allocates everything, all zeros. */
enum vggcl_err net_allocate(struct net *net);

void net_free(struct net *net);

/* Sets every parameter to its start under seed: same numbers on every device. */
enum vggcl_err net_start(struct net *net, uint64_t seed);

/* A pass over n images, a whole batch, without label smoothing: seed and step pick the dropout coins. */
struct pass net_pass(const struct net *net, size_t n, bool training, uint64_t seed, uint64_t step);

/* From net->input to the last layer's y. */
enum vggcl_err net_forward(struct net *net, const struct pass *pass);

/* From the logits and net->label: loss, by pass->label_smoothing, predicted, total, and the gradient of the whole
 * batch's mean loss by the logits, where activations are 16-bit floats times a scale, which net_update() takes away
 * again. */
enum vggcl_err net_loss(struct net *net, const struct pass *pass);

/* From the logits' gradient to that of every parameter. */
enum vggcl_err net_backward(struct net *net, const struct pass *pass);

/* One step of SGD on all parameters, with the gradients that the pass left, and one of the running statistics; none
 * from the first loss on that is not finite. */
enum vggcl_err net_update(struct net *net, const struct pass *pass, struct sgd sgd);

/* Where net->use is NET_AVERAGES: moves the averages of all weights and running statistics by a share of the way to
 * what these are; not from the first loss on that is not finite. */
enum vggcl_err net_average(struct net *net, double share);

/* There: weights and running statistics change places with their averages; else nothing happens. */
enum vggcl_err net_swap_averages(struct net *net);

/* The logits of one view of the images are put by; those of another become the mean of both. */
enum vggcl_err net_keep_logits(struct net *net);
enum vggcl_err net_average_logits(struct net *net);

/* Enqueues a copy of all of a group, group_bytes[group] of it, to or from the host. Nets of the same layers on devices
 * of the same alignment and largest allocation have it in the same order. */
enum vggcl_err net_read_group(struct net *net, enum net_group group, float *host);
enum vggcl_err net_write_group(struct net *net, enum net_group group, const float *host);

/* The logits of the last forward. */
struct tensor net_logits(const struct net *net);

/* The parameters in the layers' order, statistics included: net_parameter(net, i) for i < net_parameter_count(net). */
size_t net_parameter_count(const struct net *net);
struct parameter *net_parameter(const struct net *net, size_t i);

enum { PARAMETER_NAME = 48 };
void net_parameter_name(const struct net *net, size_t i, char name[PARAMETER_NAME]); /* "conv1_1.weight" */

/* How many numbers are learnt. */
size_t net_trained_count(const struct net *net);

/* A 64-bit FNV-1a hash of every parameter's and statistic's bits, in the layers' order and PyTorch's layout: equal on
 * equal nets. VGGCL_ENUMERIC, naming the parameter, where a value is not finite. */
enum vggcl_err net_hash(const struct net *net, uint64_t *hash);

/* Goes forward through net->input once more, layer by layer: *layer is the name of the first one whose output is not
 * finite, or "the loss" where all are. */
enum vggcl_err net_first_not_finite(struct net *net, const struct pass *pass, const char **layer);

#endif
