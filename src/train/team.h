/* team.h - the devices that train together, in one process: each with a copy of the net and of the training images.
 *
 * The images of a step are split over the members in their order. Each member goes forward and backward through its
 * own, in micro-batches where it has to; batch normalisation takes each one's own statistics. The first member, the
 * lead, alone moves: it adds up all micro-batches' gradients in the order of the images, and moves its running
 * statistics by theirs, as a single device does with micro-batches; then the others are given copies of its weights and
 * statistics. So the state of a run is the lead's, a team of like devices makes the very bits of one device that works
 * in the same micro-batches, and a team of one is that device. What goes between devices goes through the host. */
#ifndef VGGCL_TRAIN_TEAM_H
#define VGGCL_TRAIN_TEAM_H

#include "data/data.h"
#include "train/checkpoint.h"
#include "train/feed.h"
#include "train/plan.h"
#include "train/profile.h"

struct member {
    struct dev *dev;
    struct tuned tuned;
    double tune_seconds; /* 0 where nothing was measured on it */
    struct net *net;
    struct arena data; /* the memory of train, and of the lead's test */
    struct feed train;
    float *gathered; /* not the lead's: what its micro-batches left, gradients and statistics, on its way to the lead */
};

struct team {
    const struct vggcl_config *config; /* of the run */
    struct member members[VGGCL_DEVICES];
    size_t count;
    size_t bounds[VGGCL_DEVICES + 1]; /* of bounds[count] images member i gets those from bounds[i] to bounds[i + 1] */
    struct vggcl_plan plans[VGGCL_DEVICES];
    char *profiles[VGGCL_DEVICES + 1]; /* what each goes by, for the run's state; in a resumed run from there */
    struct feed test;                  /* on the lead */
    float *weights;                    /* with running statistics, on their way from the lead */
};

/* Opens config's devices with what they are told to go by, and splits batches over them as config says; "auto" equally
 * until team_plan(). config must outlive the team, which is to be freed in any case. */
enum vggcl_err team_open(struct team *t, const struct vggcl_config *config);

/* What member i has to do in a run of train and test images. */
struct work team_work(const struct team *t, size_t i, size_t train, size_t test);

/* Has each member go by t->profiles where those are of a run's state, read from the file `from`; where there is none,
 * or it is another device's, what is not known yet is measured. */
enum vggcl_err team_tune(struct team *t, const char *from);

/* Plans the nets for train and test images; members that need micro-batches make all work in those. Where the split is
 * "auto", measures the members' speeds first, one after the other. config gets the micro-batch and the split. */
enum vggcl_err team_plan(struct team *t, size_t train, size_t test, struct vggcl_config *config);

/* Checks the members' arithmetic (see selfcheck()), unless the run does without; then takes all memory. *check: of all
 * members together. */
enum vggcl_err team_take_memory(struct team *t, const struct data *data, struct vggcl_selfcheck *check);

/* Copies the images to all members. */
enum vggcl_err team_upload(struct team *t, const struct data *data);

/* Gives all members the lead's weights and statistics. */
enum vggcl_err team_share_weights(struct team *t);

/* Puts all members' training images in the order of an epoch. */
enum vggcl_err team_shuffle(struct team *t, uint32_t epoch);

struct step {
    int64_t number, epoch_step; /* of all, of its epoch */
    int epoch;                  /* from 0 */
    size_t images;
    struct sgd sgd;
};

/* A micro-batch of a step, on its way. */
struct part {
    size_t member, number; /* number: among the member's own */
    struct fence fence;
    float total[2]; /* behind the fence: sum of the losses, number right */
};

/* The most parts that a step has. */
size_t team_most_parts(const struct team *t);

/* Enqueues a step; parts gets its part_count micro-batches, in the order of their images. With one member the host does
 * not wait for it; with more, all is done but the copying of the weights. Where a loss is not finite, no weight moves
 * from then on (see sgd_step()). */
enum vggcl_err team_step(struct team *t, const struct step *step, struct part *parts, size_t *part_count);

/* Has the part's member once more take in its images. */
enum vggcl_err team_feed(struct team *t, const struct step *step, const struct part *part, struct pass *pass);

/* net_hash() of the lead. VGGCL_EDEVICE, naming the member, where another one's weights or statistics differ. */
enum vggcl_err team_hash(struct team *t, uint64_t *hash);

void team_free(struct team *t);

static inline struct net *team_net(const struct team *t) {
    return t->members[0].net;
}

#endif
