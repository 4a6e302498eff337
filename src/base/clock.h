/* clock.h - how long something takes. */
#ifndef VGGCL_BASE_CLOCK_H
#define VGGCL_BASE_CLOCK_H

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

#endif
