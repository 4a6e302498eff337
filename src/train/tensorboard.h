/* tensorboard.h - the option tensorboard: what TensorBoard shows of a run. The step of an event is that of log-steps,
 * counted from 0 over the whole run; an epoch's events have its last step. */
#ifndef VGGCL_TRAIN_TENSORBOARD_H
#define VGGCL_TRAIN_TENSORBOARD_H

#include "train/run.h"

/* Creates an event file with the run's options; without the option tensorboard it stays closed, and the functions below
 * do nothing. A new run first moves event files that are in the folder aside. A resumed run's file makes TensorBoard
 * forget the steps that the run does again. VGGCL_EIO. */
enum vggcl_err tensorboard_open(struct run *run);

/* Loss and learning rate of a step, of up to TENSORBOARD_STEPS steps an epoch. */
enum { TENSORBOARD_STEPS = 50 };
enum vggcl_err tensorboard_step(struct run *run, const struct step_row *row);

/* A histogram of each parameter after the training steps of an epoch. */
enum vggcl_err tensorboard_weights(struct run *run);

/* The row of an epoch. */
enum vggcl_err tensorboard_epoch(struct run *run, const struct vggcl_epoch *row);

/* The run has ended as it should. */
enum vggcl_err tensorboard_end(struct run *run);

#endif
