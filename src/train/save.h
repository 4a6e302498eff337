/* save.h - what a run writes to its save folder. */
#ifndef VGGCL_TRAIN_SAVE_H
#define VGGCL_TRAIN_SAVE_H

#include "train/run.h"

/* Updates run->weights_hash; an error if the devices' weights differ or are not finite, so that such weights are never
 * saved. */
enum vggcl_err save_check_weights(struct run *run);

/* Before the first step: VGGCL_EIO if there is no room for what a save leaves in the folder and its temporary file. */
enum vggcl_err save_check_space(const struct run *run);

/* Writes the state before the first step, so that a run can be resumed even if it is killed during that step. */
enum vggcl_err save_first(struct run *run);

/* Saves the state and what else is due. If that fails, and the run goes on, the next save does all of it. */
enum vggcl_err save_state(struct run *run);

/* The same at the end of a run, where a save that fails is an error. */
enum vggcl_err save_last(struct run *run);

/* Whether the run goes on after this error of a write (the option on-save-error); the next save tries again. */
bool save_may_fail(const struct run *run, enum vggcl_err err);

/* The next save writes the net's current weights to name. */
enum vggcl_err save_weights_later(struct run *run, const char *name);

#endif
