/* signals.h - SIGINT, SIGTERM and SIGHUP end a command in order, SIGUSR1 makes it save, and SIGPIPE is only an error of
 * the write that caused it. A signal that the caller of the program ignores (nohup) stays ignored. */
#ifndef VGGCL_CLI_SIGNALS_H
#define VGGCL_CLI_SIGNALS_H

#include "cli/cli.h"

/* When main() begins: puts back what libraries have taken when they were loaded. UCX, which Open MPI 5 is linked with,
 * takes SIGHUP, ignored or not. Does nothing on systems without .preinit_array. */
void signals_begin(void);

/* After this call the first SIGINT, SIGTERM or SIGHUP is recorded, and said on stderr with the text of
 * signals_promise(). Another one within a second is taken for the same one: timeout(1) sends two, as does a terminal
 * that closes. A later one ends the process at once with EXIT_UNSAVED, and says what signals_kept() has. saves: SIGUSR1
 * is recorded too. */
void signals_catch(bool saves);

/* Sets what the first signal leads to: "finishing the step, then saving to save". */
void signals_promise(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets what is on disk when the process ends at once: "save/last.safetensors has the state after 12 steps". The same
 * text for watchdog.h. Valid until the second call after this one. */
void signals_keep(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *signals_kept(void);

/* From now on all is saved, and the process would end with this status: a signal to end at once does so too. */
void signals_finish(int status);

/* Whether a signal to end was recorded, and takes back signals that a driver has taken; whether SIGUSR1 was recorded
 * since the last call. Callbacks for the library; payload is not used. */
bool signals_stop(void *payload);
bool signals_save(void *payload);

/* In a child process after fork(): the signals' default actions, as after exec(). */
void signals_reset(void);

#endif
