/* progress.h - shows the phases of the library's work (vggcl_watch_phases()) while a command has no result yet. */
#ifndef VGGCL_CLI_PROGRESS_H
#define VGGCL_CLI_PROGRESS_H

#include "vggcl.h"

#include <stdio.h>

/* From now on the phases of this thread's calls of the library are shown on stream: as the live line of a terminal; on
 * a file or pipe by a line when a phase goes on after a second of waiting, and again once a minute. NULL for none.
 * Nothing is shown on stderr where it is the same file or pipe as stdout, which gets the result. */
void progress_watch(FILE *stream);

/* What stands before the phases on the live line, and "2/3  selfcheck"; "" for none. With a title
 * there are no lines on files and pipes. */
void progress_title(const char *title);

/* Shows a phase. A callback for the library; payload is not used. */
void progress_show(const struct vggcl_phase *phase, void *payload);

/* Removes the live line, before something else is printed on the terminal. */
void progress_hide(void);

#endif
