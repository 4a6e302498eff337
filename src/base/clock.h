/* clock.h - the monotonic clock. */
#ifndef VGGCL_BASE_CLOCK_H
#define VGGCL_BASE_CLOCK_H

/* Seconds of a clock that never goes back; only differences have a meaning. */
double clock_seconds(void);

#endif
