/* log_file.h - a file that grows while the run goes on, at the path that an option names. */
#ifndef VGGCL_BASE_LOG_FILE_H
#define VGGCL_BASE_LOG_FILE_H

#include "base/err.h"

/* LOG_FILE_CLOSED is closed: the other functions do nothing with it. */
struct log_file {
    int descriptor;
    const char *option; /* "log-steps", for messages; static */
    char path[VGGCL_PATH_MAX];
    char *bytes; /* what was added and could not be written so far */
    size_t size, room;
};
#define LOG_FILE_CLOSED ((struct log_file){.descriptor = -1})

/* VGGCL_EIO: the file of this option cannot be written, because of the error number why. */
enum vggcl_err log_file_failed(const char *option, const char *path, int why);

/* Opens path to add to its end, with further flags of open(), such as O_EXCL; creates it if missing. VGGCL_EIO. */
enum vggcl_err log_file_open(struct log_file *log, const char *option, const char *path, int flags);

/* Keeps bytes in memory. */
enum vggcl_err log_file_add(struct log_file *log, const void *bytes, size_t size);

/* Writes what was added, with one call of the system, so that it is not lost if the process is killed. On VGGCL_EIO it
 * is kept, and the next call writes it. */
enum vggcl_err log_file_flush(struct log_file *log);

/* The same, and flushes the file to disk. */
enum vggcl_err log_file_sync(struct log_file *log);

/* Closes the file, without writing what is left. */
void log_file_close(struct log_file *log);

#endif
