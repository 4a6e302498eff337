/* resume.h - finds the folder of the run that the option resume names, or says what to type instead. */
#ifndef VGGCL_TRAIN_RESUME_H
#define VGGCL_TRAIN_RESUME_H

#include "base/err.h"

/* Sets folder to the run's: to path itself if a state is in it (last.safetensors, or last.safetensors.1), to the folder
 * of path if that is a run's last.safetensors. VGGCL_EIO if path does not exist or has no state, VGGCL_EUSAGE if it is
 * another file; the error names the commands that would work, and runs that are near. */
enum vggcl_err resume_find(const char *path, char folder[static VGGCL_PATH_MAX]);

#endif
