/* messages.h - the program's messages, apart from what OpenCL drivers and other libraries print. */
#ifndef VGGCL_CLI_MESSAGES_H
#define VGGCL_CLI_MESSAGES_H

#include <stdio.h>

/* The stream of the program's own messages and its descriptor: standard error, also while descriptor 2 is kept. All of
 * src/cli and src/main.c use these, and not stderr. */
FILE *messages(void);
int messages_descriptor(void);

/* From now on what drivers print, to descriptor 2, is kept in memory, and shown only if the process crashes, a driver
 * ends it, or messages_show_driver() is called. Without this call they print as they like. */
void messages_keep_driver(void);

/* Keeps the name of the device whose driver prints; a copy. */
void messages_name_driver(const char *device);

/* Prints the last lines that a driver printed since the last call of either function; or forgets them. Signal handlers
 * may call the first one. */
void messages_show_driver(void);
void messages_forget_driver(void);

/* In a child process: the parent shows what the driver printed. */
void messages_leave_driver(void);

/* Drops all but the last of what is kept if it is large; called now and then. */
void messages_limit_driver(void);

/* The process is about to end in order, with this exit status: shows what the driver printed if it says that something
 * failed. A signal handler may call it. */
void messages_end(int status);

#endif
