/* team.h - synchronous data-parallel training on several devices in one process. Each device has a copy of the network
 * and of the training images, unless these stay on the host.
 *
 * The images of a step are split over the members in their order. Each member runs forward and backward on its share,
 * in micro-batches if its memory requires it; batch normalisation uses the statistics of each micro-batch. Only the
 * first member, the lead, updates weights: it adds up the gradients of all micro-batches in the order of their images
 * (gradient accumulation), updates its running statistics with theirs in the same order, and then takes one step of the
 * optimiser. Afterwards the other members get copies of its weights and running statistics.
 *
 * With several ranks (ranks/ranks.h) each has a team, which runs its share of the images. The leads add up their sums
 * in the order of the ranks (train/exchange.h), move their statistics with all micro-batches in the order of their
 * images, and each takes the same step. Rank 0's team is the run's; the others do what it does.
 *
 * The state of a run is therefore the lead's state. Several equal devices compute the same bits as one device that uses
 * the same micro-batches; a team of one device needs no copies. Data between devices is copied through host memory. */
#ifndef VGGCL_TRAIN_TEAM_H
#define VGGCL_TRAIN_TEAM_H

#include "data/dataset.h"
#include "train/checkpoint.h"
#include "train/exchange.h"
#include "nets/feed.h"
#include "plan/plan.h"
#include "tune/profile.h"

struct member {
    struct dev *dev;
    struct context context; /* of dev */
    struct tuned tuned;
    double tune_seconds; /* 0 if nothing was measured on this device */
    size_t wrong;        /* how many wrong methods of its tuning were known before this run */
    struct net *net;
    struct arena data; /* device memory of `train`, and on the lead also of the team's `test` */
    struct feed train;
    float
        *gathered; /* host copy of its micro-batches' gradients and batch statistics, for the lead; the lead has none */
};

struct team {
    const struct vggcl_config *config; /* the run's options */
    const struct data_spec *data;      /* of the run's images */
    struct member members[VGGCL_DEVICES];
    size_t count;
    size_t first, all;        /* members of the ranks before this one, and of all ranks */
    size_t *bounds;           /* [all + 1], owned: member first + i gets the images from bounds[first + i] to
                               * bounds[first + i + 1] of bounds[all] */
    bool alike;               /* the ranks' devices have the same names and drivers */
    struct exchange exchange; /* with several ranks */
    struct part *parts;       /* with several ranks: this one's in a step */
    struct vggcl_plan plans[VGGCL_DEVICES];
    char *profiles[VGGCL_DEVICES + 1]; /* each member's device profile as text, which checkpoints store; then NULL */
    char *warnings;       /* lines: a method that gives wrong results and was replaced, or of weights_open(); or NULL */
    struct feed test;     /* the test set, on the lead */
    float *weights;       /* host copy of the lead's weights and running statistics; NULL with one member */
    float *class_weights; /* [classes], owned; NULL for none */
};

/* Opens the devices of config->device with their profiles, and splits batches as config->device_split says; "auto"
 * splits equally until team_plan(). config and data must outlive
 * the team. Call team_free() on failure too. */
enum vggcl_err team_open(struct team *t, const struct vggcl_config *config, const struct data_spec *data);

/* The work of member i in a run with `train` training and `test` test images. */
struct work team_work(const struct team *t, size_t i, size_t train, size_t test);

/* Gives each member its device profile: for a resumed run the one in t->profiles, read from the checkpoint `from`. If
 * it has none, or that is another device's, this measures what the device's own profile lacks. */
enum vggcl_err team_tune(struct team *t, const char *from);

/* Lays out the members' networks for `train` training and `test` test images. If one member needs micro-batches, all
 * members use its micro-batch size. For the split "auto" this first measures the members' speeds, one after the other.
 * Writes the micro-batch size and the split to config. */
enum vggcl_err team_plan(struct team *t, size_t train, size_t test, struct vggcl_config *config);

/* team_plan(), then, unless config->no_selfcheck is set, the quick selfcheck on every member. If that finds a method
 * that another one can replace (see check_or_replace()), on this member and on equal devices, plans and checks again.
 * Stores what was measured and what was found to be wrong in the devices' profiles. *check: the sums over the members.
 */
enum vggcl_err team_plan_checked(struct team *t, size_t train, size_t test, struct vggcl_config *config,
                                 struct vggcl_selfcheck *check);

/* Allocates all device memory. */
enum vggcl_err team_take_memory(struct team *t, const struct data *data);

/* Gives all members the training images, the class weights and the normalisation, and the lead the test images. train:
 * this rank's of data->train, which is that itself except with the option shards. Both must outlive the team. */
enum vggcl_err team_upload(struct team *t, const struct data *data, const struct dataset *train,
                           const struct normalisation *normalisation);

/* Copies the lead's weights and running statistics to the other members, those that are frozen too. */
enum vggcl_err team_share_weights(struct team *t);

/* Shuffles every member's training images into the order of an epoch, counted from 0. */
enum vggcl_err team_shuffle(struct team *t, uint32_t epoch);

struct step {
    int64_t number, epoch_step; /* the step's index in the run and in its epoch, from 0 */
    int epoch;                  /* from 0 */
    size_t images;              /* of the batch */
    struct hyperparameters hyperparameters;
};

/* A micro-batch of a step that was enqueued. */
struct part {
    int rank;
    size_t member, number; /* of its rank; number: its index among the member's micro-batches of the step */
    struct fence fence;    /* done when total is there */
    float total[2];        /* the sum of its images' losses, and how many predictions are right */
};

/* The smallest number of images of a micro-batch in a step of `images`; 0 for none. */
size_t team_least_part(const struct team *t, size_t images);

/* The largest number of parts in a step, of all ranks. */
size_t team_most_parts(const struct team *t);

/* What rank 0 tells the other ranks to do, with ranks_order(): its own call of team_shuffle(), team_step(), team_hash()
 * or team_wait(). ORDER_START, which ranks_share() gives, is followed by what begin.c says. */
enum { ORDER_START, ORDER_SHUFFLE, ORDER_STEP, ORDER_HASH, ORDER_WAIT, ORDER_END };
struct order {
    int what;
    uint32_t epoch;   /* of ORDER_SHUFFLE */
    struct step step; /* of ORDER_STEP */
};

/* Enqueues a step; writes its *part_count micro-batches, those of all ranks, to parts, in the order of their images.
 * With one member the host does not wait; with several it waits until the gradients of the other members have arrived.
 * If the loss of any
 * part is not finite, neither this step nor a later one changes the weights (see struct optimised). */
enum vggcl_err team_step(struct team *t, const struct step *step, struct part *parts, size_t *part_count);

/* Tells the other ranks that rank 0, which tests and saves alone, is still at work: before each part of that, so that
 * the watchdog of a rank that waits needs no more patience than for a step. */
enum vggcl_err team_wait(void);

/* Bytes that this rank sends to, and receives from, the other ranks in a step; after team_plan(). */
enum vggcl_err team_traffic(struct team *t, uint64_t *sent, uint64_t *received);

/* Writes the part's images and labels to its member's input, and its pass to *pass. */
enum vggcl_err team_feed(struct team *t, const struct step *step, const struct part *part, struct pass *pass);

/* net_hash() of the lead. VGGCL_EWRONG, naming the member, if another member's weights or statistics differ. */
enum vggcl_err team_hash(struct team *t, uint64_t *hash);

void team_free(struct team *t);

static inline struct net *team_net(const struct team *t) {
    return t->members[0].net;
}

#endif
