#define _POSIX_C_SOURCE 200809L /* O_CLOEXEC */
#include "base/log_file.h"
#include "base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum vggcl_err log_file_failed(const char *option, const char *path, int why) {
    return err_set(VGGCL_EIO, "%s %s: cannot be written: %s", option, path, strerror(why));
}

enum vggcl_err log_file_open(struct log_file *log, const char *option, const char *path, int flags) {
    *log = LOG_FILE_CLOSED;
    log->option = option;
    snprintf(log->path, sizeof log->path, "%s", path);
    log->descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
    return log->descriptor >= 0 ? VGGCL_OK : log_file_failed(option, path, errno);
}

enum vggcl_err log_file_add(struct log_file *log, const void *bytes, size_t size) {
    if (log->descriptor < 0)
        return VGGCL_OK;
    if (log->size + size > log->room) {
        size_t room = 2 * (log->size + size);
        char *grown = realloc(log->bytes, room);
        if (!grown)
            return err_no_memory(log->option, room);
        log->bytes = grown;
        log->room = room;
    }
    memcpy(log->bytes + log->size, bytes, size);
    log->size += size;
    return VGGCL_OK;
}

/* After a write of a part the rest follows, so that the file has whole rows in the end. */
enum vggcl_err log_file_flush(struct log_file *log) {
    while (log->descriptor >= 0 && log->size) {
        ssize_t written = write(log->descriptor, log->bytes, log->size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return log_file_failed(log->option, log->path, errno);
        log->size -= (size_t)written;
        memmove(log->bytes, log->bytes + written, log->size);
    }
    return VGGCL_OK;
}

enum vggcl_err log_file_sync(struct log_file *log) {
    if (log->descriptor < 0)
        return VGGCL_OK;
    TRY(log_file_flush(log));
    return folder_sync(log->descriptor) ? VGGCL_OK : log_file_failed(log->option, log->path, errno);
}

void log_file_close(struct log_file *log) {
    if (log->descriptor >= 0)
        close(log->descriptor);
    free(log->bytes);
    *log = LOG_FILE_CLOSED;
}
