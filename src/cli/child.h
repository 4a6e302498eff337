/* child.h - child processes: of this program, to isolate it from drivers that crash or hang, and of other programs. */
#ifndef VGGCL_CLI_CHILD_H
#define VGGCL_CLI_CHILD_H

#include "base/json.h"
#include "cli/verdict.h"
#include <stdio.h>

enum { CHILD_REASON = 256 };

/* How a child process ended. */
enum child_end {
    CHILD_FINE,        /* it did its work, or says itself why it did not */
    CHILD_CRASHED,     /* killed by a signal, or ended without an answer */
    CHILD_HUNG,        /* killed after its timeout; or ended by its watchdog, which printed why: reason is then "" */
    CHILD_INTERRUPTED, /* killed because a signal asks this process to stop (signals.h) */
    CHILD_FAILED,      /* could not be started, or has no memory for its answer; of a program: an exit status not 0 */
    CHILD_MISSING      /* of a program: there is no such program */
};

/* Work for a child process of this program. */
struct child {
    json_t *(*work)(const void *job); /* runs in the child; the child owns the answer that it returns */
    const void *job;
    double timeout; /* seconds; INFINITY for none */
    /* Called in the calling process for each child_say(), at once; NULL to ignore these messages. */
    void (*heard)(const json_t *message, void *payload);
    void *payload;
};

/* Runs child->work(child->job) in a child process, whose phases are shown as progress.h says. *answer is what it
 * returned, owned by the caller, if the result is CHILD_FINE, else NULL; reason then says what happened, e.g. "killed
 * by SIGSEGV". The child's output and that of its drivers goes to stderr; where messages.h keeps that, the calling
 * process shows it. The calling process must not have made any OpenCL call, because drivers do not survive fork(). */
enum child_end child_run(const struct child *child, json_t **answer, char reason[CHILD_REASON]);

/* In work(): sends a message, which it takes over, to the calling process. */
void child_say(json_t *message);

/* The answer of a child whose work failed: {"error": vggcl_error(), "err": err}; and err of such an answer. VGGCL_OK if
 * the answer is another one, or NULL. */
json_t *child_failure(enum vggcl_err err);
enum vggcl_err child_err(const json_t *answer);

/* What the end of a child says about the driver. */
enum verdict child_verdict(enum child_end end, const json_t *answer);

/* Runs the program argv[0], found in $PATH, without a shell; argv is ended by NULL. Its stdin is input, from the
 * current position; its stdout is output. If the result is not CHILD_FINE or CHILD_MISSING, reason says how it ended,
 * with the last line of its stderr, which is not printed otherwise. */
enum child_end child_program(char *const *argv, FILE *input, FILE *output, char reason[CHILD_REASON]);

#endif
