/* child.h - child processes: of this program, to isolate it from drivers that crash or hang, and of other programs. */
#ifndef VGGCL_CLI_CHILD_H
#define VGGCL_CLI_CHILD_H

#include "base/json.h"
#include <stdio.h>

enum { CHILD_REASON = 256 };

/* Runs work(job) in a child process and returns its result, which the caller frees. Returns NULL if the child crashed,
 * returned nothing, took longer than timeout seconds, or a signal asks to stop (signals.h); reason then says which,
 * e.g. "killed by SIGSEGV". Output of the child and its drivers goes to stderr. The calling process must not have made
 * any OpenCL call, because drivers do not survive fork(). */
json_t *child_run(json_t *(*work)(const void *job), const void *job, double timeout, char reason[CHILD_REASON]);

/* How another program ended. */
enum child_end { CHILD_FINE, CHILD_MISSING, CHILD_FAILED };

/* Runs the program argv[0], found in $PATH, without a shell; argv is ended by NULL. Its stdin is input, from the
 * current position; its stdout is output. CHILD_MISSING if there is no such program; CHILD_FAILED if it exits with an
 * error: reason then says how, with the last line of its stderr, which is not printed otherwise. */
enum child_end child_program(char *const *argv, FILE *input, FILE *output, char reason[CHILD_REASON]);

#endif
