/* watchdog.h - ends the process when a call of an OpenCL driver does not return. */
#ifndef VGGCL_CLI_WATCHDOG_H
#define VGGCL_CLI_WATCHDOG_H

/* Starts a thread that ends the process with EXIT_STALLED, and says on stderr why, what signals_kept() has and what to
 * do, when one call has lasted for `seconds`, or WATCHDOG_COMPILING times as long if it compiles. Seconds in which the
 * process is stopped (SIGSTOP, a laptop that sleeps) do not count. 0: it never does. The thread also limits what is
 * kept of the drivers' messages. */
enum { WATCHDOG_COMPILING = 20 };
void watchdog_start(int seconds);

#endif
