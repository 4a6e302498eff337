/* several.h - commands that mpirun or srun may start as several processes, the ranks of ranks/ranks.h. */
#ifndef VGGCL_CLI_SEVERAL_H
#define VGGCL_CLI_SEVERAL_H

#include "cli/cli.h"

/* Connects the processes, calls first() in rank 0 (or in a process that was started alone), which prints, and other()
 * in the others, which print nothing; returns the exit status. A rank that fails ends all of them: rank 0 prints why.
 */
int several_run(const struct vggcl_config *config, int (*first)(const struct vggcl_config *),
                enum vggcl_err (*other)(const struct vggcl_config *));

#endif
