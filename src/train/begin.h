/* begin.h - starts a run, or resumes it from its last checkpoint. */
#ifndef VGGCL_TRAIN_BEGIN_H
#define VGGCL_TRAIN_BEGIN_H

#include "train/run.h"

/* Sets up everything for the next step: locks the folders, reads the data, opens the devices, and takes weights and
 * progress from run->config.weights, .resume or the seed. A new run's folder is made, and its first state saved, when
 * all else has succeeded: only then is an earlier run moved aside. given: the options as the user gave them. */
enum vggcl_err run_begin(struct run *run, const struct vggcl_config *given);

/* The same for another rank than the first: takes options, weights and progress from rank 0, and reads its own copy of
 * the data. It has no folders. */
enum vggcl_err run_begin_other(struct run *run);

#endif
