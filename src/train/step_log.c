#define _XOPEN_SOURCE 700 /* realpath */
#include "train/step_log.h"
#include "base/file.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char names[] = "step,epoch,lr,loss\n";
static const char option[] = "log-steps";
enum { ROW = 128 /* most bytes of a row */ };

/* ------------------------------------------------------------------------------------------------- what is there -- */

/* The size of the part of a log that is kept: up to the first row of step `steps` or later, without a last row that is
 * cut off. Text that is no row is kept: an earlier version may have left it. */
static size_t kept_size(const char *text, int64_t steps) {
    const char *line = text;
    for (const char *end; (end = strchr(line, '\n')); line = end + 1) {
        char *number_end;
        long long step = strtoll(line, &number_end, 10);
        if (number_end != line && *number_end == ',' && step >= steps)
            break;
    }
    return (size_t)(line - text);
}

/* Removes the rows of steps that the run does again. A single truncation: a kill leaves the one file or the other. */
static enum vggcl_err cut(const char *path, const char *text, size_t size, int64_t steps) {
    size_t kept = kept_size(text, steps);
    if (kept == size || truncate(path, (off_t)kept) == 0)
        return VGGCL_OK;
    return log_file_failed(option, path, errno);
}

/* A link to a descriptor of this process, such as /dev/stdout, is written to as it is. */
static bool is_own_stream(const struct stat *file) {
    struct stat stream;
    for (int descriptor = 0; descriptor <= 2; descriptor++)
        if (fstat(descriptor, &stream) == 0 && stream.st_dev == file->st_dev && stream.st_ino == file->st_ino)
            return true;
    return false;
}

/* The file itself is moved, not a link to it. */
static enum vggcl_err move_aside(const char *path, char moved_to[static VGGCL_PATH_MAX]) {
    char *file = realpath(path, NULL);
    if (!file)
        return log_file_failed(option, path, errno);
    enum vggcl_err err = file_move_aside(file, moved_to);
    free(file);
    return err;
}

/* What a run finds at path may be no log, or that of another run. */
static enum vggcl_err prepare(const char *path, bool resumed, int64_t steps, char moved_to[static VGGCL_PATH_MAX]) {
    struct stat status;
    char *text;
    size_t size;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0 || is_own_stream(&status))
        return VGGCL_OK;
    if (!resumed)
        return move_aside(path, moved_to);
    TRY(file_read(path, SIZE_MAX - 1, &text, &size));
    enum vggcl_err err =
        strncmp(text, names, sizeof names - 1) == 0 ? cut(path, text, size, steps) : move_aside(path, moved_to);
    free(text);
    return err;
}

/* ---------------------------------------------------------------------------------------------------------- rows -- */

enum vggcl_err step_log_open(struct log_file *log, const char *path, bool resumed, int64_t steps,
                             char moved_to[static VGGCL_PATH_MAX]) {
    struct stat status;
    *log = LOG_FILE_CLOSED;
    *moved_to = '\0';
    if (!*path)
        return VGGCL_OK;
    TRY(prepare(path, resumed, steps, moved_to));
    TRY(log_file_open(log, option, path, 0));
    if (fstat(log->descriptor, &status) != 0)
        return log_file_failed(option, path, errno);
    return resumed && status.st_size > 0 ? VGGCL_OK : log_file_add(log, names, sizeof names - 1);
}

enum vggcl_err step_log_add(struct log_file *log, const struct step_row *row) {
    char text[ROW];
    int length = text_print(text, sizeof text, "%" PRId64 ",%d,%.9g,%.9g\n", row->step, row->epoch, row->lr, row->loss);
    TRY(log_file_add(log, text, (size_t)length));
    return log_file_flush(log);
}
