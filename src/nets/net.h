/* net.h - a network: a chain of layers with the loss after the last one, and the device memory of all of them.
 *
 * Memory: one arena for each group below, planned before any is allocated. Activations and their gradients share memory
 * if they are not needed at the same time: evaluation keeps two activations; training keeps all of them until the
 * backward pass has used them, and stores gradients in the memory of later activations. Convolutions and reductions
 * share one scratch space. The arenas of weights, their gradients and the optimiser's states have the same layout, so
 * that a step of the optimiser is one launch per block; so have the arenas of running and batch statistics, and of
 * averages.
 *
 * With NET_FREEZES the layers before the head are computed as in evaluation, except for dropout, and have no backward
 * pass: their activations share memory as in evaluation, and their parameters, which nothing changes, are a group of
 * their own. */
#ifndef VGGCL_NETS_NET_H
#define VGGCL_NETS_NET_H

#include "cl/arena.h"
#include "data/normalise.h"
#include "layers/layer.h"

/* What a net has memory for besides evaluation: flags, combined by |. */
enum net_use {
    NET_EVALUATES = 0,
    NET_TRAINS = 1,      /* gradients, the optimiser's states and a batch's statistics */
    NET_AVERAGES = 2,    /* averages of weights and statistics */
    NET_ACCUMULATES = 4, /* gradient accumulation: a step uses the sum of several passes' gradients */
    NET_COLLECTS = 8,    /* with NET_ACCUMULATES: also of passes on other devices, see net_collect() */
    NET_WEIGHS = 16,     /* class weights in the loss of training passes, see net_weigh_classes() */
    NET_FREEZES = 32     /* with NET_TRAINS: only the head is trained, see net_parameter_in_head() */
};

/* The groups of tensors, each with an arena of its own. */
enum net_group {
    NET_WEIGHTS,
    NET_GRADIENTS, /* of a pass. With NET_ACCUMULATES alone, a layer's gradients are valid only until they are added */
    NET_ACCUMULATED, /* with NET_ACCUMULATES: sum of the step's gradients so far */
    NET_STATES,      /* the optimiser's states: state k is group NET_STATES + k */
    NET_LAST_STATE = NET_STATES + OPTIMISER_STATES - 1,
    NET_STATISTICS,       /* running statistics of batch normalisation */
    NET_BATCH_STATISTICS, /* statistics of the last training pass's batch */
    NET_AVERAGED_WEIGHTS, /* moving averages over the steps, see net_average() */
    NET_AVERAGED_STATISTICS,
    NET_FROZEN,      /* with NET_FREEZES: parameters and running statistics of the layers before the head */
    NET_ACTIVATIONS, /* and their gradients */
    NET_SCRATCH,
    NET_REST, /* input, labels, losses */
    NET_GROUPS
};

struct net {
    struct dev *dev; /* not owned */
    struct context context;
    struct layer *layers; /* layer_count of them, owned */
    size_t layer_count, classes;
    size_t batch;              /* maximum number of images in a pass */
    size_t sizes[LAYER_SIZES]; /* the numbers of images that a pass may have; the first is `batch` */
    size_t size_count;
    enum net_use use;
    const struct optimiser *optimiser;
    size_t bytes;                   /* device memory in total, known before any is allocated */
    size_t group_bytes[NET_GROUPS]; /* the same by group */

    struct normalisation normalisation;          /* of its images: normalisation_half until the caller changes it */
    struct tensor input;                         /* NHWC, batch images */
    struct tensor other_logits;                  /* see net_average_logits() */
    struct tensor label, loss, predicted, total; /* [batch] int, float, int; total: see softmax_total() */
    struct tensor class_weight;                  /* with NET_WEIGHS: [classes] */
    int weight_exponent; /* the least whole number such that no class weight exceeds 2^weight_exponent; 0 or more */
    struct tensor partner_label; /* [batch] int, for passes with a label_share less than 1 */
    struct tensor grey; /* see struct image_tensors; shares memory with activations, so valid until the forward pass */
    struct tensor failed; /* int: not 0 after a training step's loss was not finite; weights have not changed since */

    struct arena arenas[NET_GROUPS];
    struct scratch scratch;
    struct scratch_words scratch_words;
};

/* Plans a net of `count` layers for up to `batch` images of shape `input`; the last layer's output is the logits. A
 * pass has `batch` images or one of the sizes in `others`: at most LAYER_SIZES - 1 numbers up to `batch`, terminated by
 * 0; NULL for none. conv: as in conv_choose(). optimiser: used by net_update(). Plans every layer for each size and
 * sets net->bytes, but allocates no device memory. context and specs are copied, context->dev must outlive the net.
 * Free with net_free(). Errors: those of the layers' configure() and prepare(), and of arena_plan(). */
enum vggcl_err net_create(const struct context *context, const struct layer_spec *specs, size_t count,
                          struct shape input, size_t batch, const size_t *others, const char *conv, enum net_use use,
                          const struct optimiser *optimiser, struct net **net);

/* Allocates all device memory, filled with zeros. VGGCL_ENOMEM if the device has too little. */
enum vggcl_err net_allocate(struct net *net);

/* Frees a net and its device memory. net may be NULL. */
void net_free(struct net *net);

/* Initialises every parameter from seed, to the same numbers on every device. */
enum vggcl_err net_start(struct net *net, uint64_t seed);

/* For a net with NET_WEIGHS: sets the classes' weights, [classes], see struct targets. */
enum vggcl_err net_weigh_classes(struct net *net, const float *weights);

/* A pass over n images that are a whole batch, without label smoothing or partners. n must be one of the net's sizes,
 * else net_forward() fails. seed and step select the dropout masks. */
struct pass net_pass(const struct net *net, size_t n, bool training, uint64_t seed, uint64_t step);

/* Enqueues the forward pass, from net->input to the logits. VGGCL_EUSAGE if pass->n is none of the net's sizes. */
enum vggcl_err net_forward(struct net *net, const struct pass *pass);

/* Computes from the logits and net->label: loss (with pass->label_smoothing and pass->label_share, and in training the
 * class weights), predicted, total, and the gradient of the whole batch's mean loss with respect to the logits. With
 * 16-bit activations this gradient is multiplied by a loss scale, which net_step() divides out again. */
enum vggcl_err net_loss(struct net *net, const struct pass *pass);

/* Backward pass, after net_loss(): computes the gradient of every parameter that is trained. With NET_ACCUMULATES they
 * start the step's sum, or, if pass->adds is set, are added to it. net_backward_layer() does that for one layer; they
 * are called from the last to the first. */
enum vggcl_err net_backward(struct net *net, const struct pass *pass);
enum vggcl_err net_backward_layer(struct net *net, const struct pass *pass, size_t layer);

/* The gradient of a parameter for the next step of the optimiser: the last pass's, or with NET_ACCUMULATES the sum. */
struct tensor net_gradient(const struct net *net, const struct parameter *p);

/* For a net with NET_COLLECTS: adds the gradients in group NET_GRADIENTS, which another device computed and
 * net_write_group() stored there, to the step's sum, or starts a new sum if `first` is set. */
enum vggcl_err net_collect(struct net *net, bool first);

/* Updates the running statistics with the last pass's batch statistics, see bn_move(). A no-op after a loss that was
 * not finite. */
enum vggcl_err net_move_statistics(struct net *net);

/* One step of the optimiser on all weights, with the last pass's gradients, or with NET_ACCUMULATES their sum. A no-op
 * after a loss that was not finite. pass: any pass of the step. h.scale is ignored. */
enum vggcl_err net_step(struct net *net, const struct pass *pass, struct hyperparameters h);

/* Ends a training step of one pass: net_move_statistics(), then net_step(). */
enum vggcl_err net_update(struct net *net, const struct pass *pass, struct hyperparameters h);

/* With NET_AVERAGES: average += share * (value - average), for all weights and running statistics. A no-op after a loss
 * that was not finite. */
enum vggcl_err net_average(struct net *net, double share);

/* With NET_AVERAGES: swaps weights and running statistics with their averages; otherwise a no-op. */
enum vggcl_err net_swap_averages(struct net *net);

/* Test-time augmentation: net_keep_logits() saves the logits of one view of the images; after the forward pass of
 * another view, net_average_logits() sets the logits to the mean of both. */
enum vggcl_err net_keep_logits(struct net *net);
enum vggcl_err net_average_logits(struct net *net);

/* Enqueues a copy of a whole group, group_bytes[group] bytes, to or from the host; see dev_read_later() and
 * dev_write_later() for how long host must stay valid. The order of the tensors is the same in nets with equal layers
 * on devices of equal alignment and largest allocation. */
enum vggcl_err net_read_group(struct net *net, enum net_group group, float *host);
enum vggcl_err net_write_group(struct net *net, enum net_group group, const float *host);

/* The logits [n][classes] of the last forward pass; the net owns them. */
struct tensor net_logits(const struct net *net);

/* The parameters, including running statistics, in the order of the layers: net_parameter(net, i) for i =
 * 0 .. net_parameter_count(net) - 1. The net owns them. */
size_t net_parameter_count(const struct net *net);
struct parameter *net_parameter(const struct net *net, size_t i);

/* The name of parameter i: "conv1_1.weight". */
void net_parameter_name(const struct net *net, size_t i, char name[PARAMETER_NAME]);

/* Whether parameter i belongs to the head: the linear layers, which classify what the layers before them have made of
 * the image. */
bool net_parameter_in_head(const struct net *net, size_t i);

/* Number of trained elements of all parameters. */
size_t net_trained_count(const struct net *net);

/* A 64-bit FNV-1a hash of the bits of all parameters and running statistics, in the order of net_parameter() and in
 * PyTorch's layout: equal for equal nets. VGGCL_ENUMERIC, naming the parameter, if a value is not finite. */
enum vggcl_err net_hash(const struct net *net, uint64_t *hash);

/* Repeats the forward pass layer by layer: sets *layer to the name of the first layer whose output is not finite, or to
 * "the loss" if all are finite. The net owns the name. */
enum vggcl_err net_first_not_finite(struct net *net, const struct pass *pass, const char **layer);

#endif
