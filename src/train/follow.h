/* follow.h - the ranks of a run besides rank 0, see ranks/ranks.h: they have neither folders nor an observer, and do
 * what rank 0 does. */
#ifndef VGGCL_TRAIN_FOLLOW_H
#define VGGCL_TRAIN_FOLLOW_H

#include "train/run.h"

/* Does what rank 0 tells until that is the end of the run. */
enum vggcl_err follow(struct run *run);

/* The same with a team that is ready. parts: room for team_most_parts(). */
enum vggcl_err follow_orders(struct team *t, struct part *parts);

/* At the end of a run, with its result: rank 0 tells the others; a rank that failed tells rank 0. waiting: the others
 * wait for an order. */
void follow_end(enum vggcl_err err, bool waiting);

#endif
