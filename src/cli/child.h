/* child.h - work in a process of its own: of this program, which a driver may crash or hang without harm to this one;
 * or another program's. */
#ifndef VGGCL_CLI_CHILD_H
#define VGGCL_CLI_CHILD_H

#include <jansson.h>
#include <stdio.h>

enum { CHILD_REASON = 256 };

/* Runs work(job) in a child process and gives what it returned, the caller's; NULL where the child died, answered
 * nothing or took longer than timeout seconds, reason then says which: "killed by SIGSEGV". What the child or a driver
 * prints goes to stderr. Call it from processes alone that have made no OpenCL call: no driver survives a fork. */
json_t *child_run(json_t *(*work)(const void *job), const void *job, double timeout, char reason[CHILD_REASON]);

/* How another program ended. */
enum child_end { CHILD_FINE, CHILD_MISSING, CHILD_FAILED };

/* Runs the program argv[0], found in $PATH, without a shell; argv is ended by NULL. It reads the file input from its
 * position on; what it answers goes to output. CHILD_MISSING where there is no such program; CHILD_FAILED where it does
 * not end well, reason then says how, with the last line of its complaints, of which nothing is printed. */
enum child_end child_program(char *const *argv, FILE *input, FILE *output, char reason[CHILD_REASON]);

#endif
