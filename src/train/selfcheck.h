/* selfcheck.h - the verdict on a device: whether all checks of a network's operators pass. */
#ifndef VGGCL_TRAIN_SELFCHECK_H
#define VGGCL_TRAIN_SELFCHECK_H

#include "check/check.h"

/* Runs the checks as vggcl_run_selfcheck() says, for a net that was created; without a listener the first
 * failure ends them. */
enum vggcl_err selfcheck(const struct net *net, bool quick, const struct check_report *listener,
                         struct vggcl_selfcheck *result);

#endif
