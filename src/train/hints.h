/* hints.h - notes for the user about what costs accuracy and is not an error. */
#ifndef VGGCL_TRAIN_HINTS_H
#define VGGCL_TRAIN_HINTS_H

#include "train/run.h"

/* At the start of a new run: batches that are too small for batch normalisation, or larger than the training set. */
void hints_at_start(const struct run *run);

/* After an epoch: once, if the run has done no better than guessing for some epochs. */
enum vggcl_err hints_after_epoch(struct run *run);

#endif
