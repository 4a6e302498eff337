/* lockstep.h - the benchmark of several processes (ranks/ranks.h) that train together. */
#ifndef VGGCL_TRAIN_LOCKSTEP_H
#define VGGCL_TRAIN_LOCKSTEP_H

#include "vggcl.h"

/* What rank 0 measures. */
struct lockstep {
    struct vggcl_config config; /* with micro_batch and device filled in */
    struct vggcl_device device; /* of rank 0, its first one */
    char tuning[VGGCL_TUNING];  /* of that device, as in struct vggcl_plan */
    int processes;
    size_t devices;                  /* of all processes */
    int images, eval_images;         /* of a batch: on that device; of the batches of the evaluation */
    double first_step;               /* seconds until the first step is done, the selfcheck included */
    struct vggcl_spread train, eval; /* images per second: of all processes, of that device */
    double communication, hidden;    /* as in struct vggcl_finish */
    uint64_t sent, received;         /* bytes a step, by rank 0 */
    uint64_t device_bytes;           /* peak of that device's memory */
    char *warnings;                  /* as in struct vggcl_benchmark; owned */
};

/* Runs `steps` training steps, after two to warm up, in which each process trains its share of config->batch made-up
 * images as in a run, then as many evaluations on rank 0. All ranks call it; *result is set on rank 0. Free
 * result->warnings, also after a failure. */
enum vggcl_err lockstep_bench(const struct vggcl_config *config, int steps, struct lockstep *result);

#endif
