/* checkpoint.h - a net's parameters, and the state of a run, as safetensors files (checkpoint/safetensors.h).
 *
 * A file of weights has each parameter under PyTorch's name and in its layout. A file of the whole state has besides,
 * for each trained one, "velocity." + name, and where the net averages, for each, "average." + name; both say in their
 * metadata which network and which options made them. The state before the first step is its metadata alone, unless the
 * weights came from a file: net_start() makes them again.
 */
#ifndef VGGCL_TRAIN_CHECKPOINT_H
#define VGGCL_TRAIN_CHECKPOINT_H

#include "checkpoint/safetensors.h"
#include "net/net.h"

/* Where a run stands: what is not in its weights, velocities and options. Every random number is a function of seed,
 * epoch and step, so the generator has no other state. */
struct progress {
    int64_t step;         /* steps done in all */
    int epoch;            /* epochs done */
    int64_t epoch_step;   /* steps done of the epoch begun, 0 at its start */
    double loss_sum;      /* over that epoch's images so far */
    int64_t correct;      /* likewise */
    double epoch_seconds; /* spent in that epoch's steps so far */
    int best_epoch;       /* from 1; 0 when none was tested yet */
    double best_accuracy;
};

/* Whether a run stands where its seed alone put it: no step is done, and no file gave the weights. Its state needs no
 * tensors then. */
bool checkpoint_by_seed(const struct vggcl_config *config, const struct progress *progress);

enum contents { CHECKPOINT_WEIGHTS, CHECKPOINT_STATE };

/* Writes net, and what config and progress say, to path: whole or not at all. profiles, the texts of what the run's
 * devices go by, ended by NULL, make it a state; without them it is a file of weights. */
enum vggcl_err checkpoint_write(const char *path, const struct net *net, const struct vggcl_config *config,
                                const struct progress *progress, char *const *profiles);

/* Copies the file's tensors to net's parameters: every one must be there, in the right shape; others are ignored. With
 * CHECKPOINT_STATE the velocities and averages too. path names the file in errors. */
enum vggcl_err checkpoint_load(const struct safetensors *file, const char *path, struct net *net,
                               enum contents contents);

/* The options that the file stores, merged into config as config_resume() says. */
enum vggcl_err checkpoint_config(const struct safetensors *file, const char *path, struct vggcl_config *config);

/* VGGCL_EFORMAT where the file is not a run's state, or stores what cannot be. */
enum vggcl_err checkpoint_progress(const struct safetensors *file, const char *path, struct progress *progress);

/* The profile that a state holds for the run's device number i, from 0; the caller's to be freed; NULL where it has
 * none. */
enum vggcl_err checkpoint_profile(const struct safetensors *file, size_t i, char **profile);

/* Which network the file's tensors make up, from their names and shapes alone: model, width and no_bn of config. */
enum vggcl_err checkpoint_network(const struct safetensors *file, const char *path, struct vggcl_config *config);

#endif
