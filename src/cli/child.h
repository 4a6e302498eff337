/* child.h - work in a process of its own, which a driver may crash or hang without harm to this one. */
#ifndef VGGCL_CLI_CHILD_H
#define VGGCL_CLI_CHILD_H

#include <jansson.h>

enum { CHILD_REASON = 256 };

/* Runs work(job) in a child process and gives what it returned, the caller's; NULL where the child died, answered
 * nothing or took longer than timeout seconds, reason then says which: "killed by SIGSEGV". What the child or a driver
 * prints goes to stderr. Call it from processes alone that have made no OpenCL call: no driver survives a fork. */
json_t *child_run(json_t *(*work)(const void *job), const void *job, double timeout, char reason[CHILD_REASON]);

#endif
