/* activity.h - which call of an OpenCL driver the process is in, for vggcl_activity(). */
#ifndef VGGCL_BASE_ACTIVITY_H
#define VGGCL_BASE_ACTIVITY_H

#include "vggcl.h"

/* Before and after a call of a driver that may block. call says what it does ("creating a context"), device names the
 * device or the platform; both must stay valid until activity_end(). compiles: it may compile kernels. Activities may
 * be nested: the outermost one counts. */
void activity_begin(const char *call, const char *device, bool compiles);

/* Before a wait for another rank of the run ("rank 1 of 2 on node2"); idle: it may be long at work. */
void activity_begin_wait(const char *rank, bool idle);
void activity_end(void);

#endif
