#define _POSIX_C_SOURCE 200809L
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum vggcl_err file_write_begin(struct file_write *file, const char *path) {
    file->stream = NULL;
    int length = snprintf(file->temporary, sizeof file->temporary, "%s.tmp", path);
    if (length < 0 || (size_t)length >= sizeof file->temporary)
        return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX);
    strcpy(file->path, path);
    file->stream = fopen(file->temporary, "wb");
    if (!file->stream)
        return err_set(VGGCL_EIO, "%s: cannot be written: %s", file->temporary, strerror(errno));
    return VGGCL_OK;
}

enum vggcl_err file_write_commit(struct file_write *file) {
    errno = 0;
    int failed = ferror(file->stream) | fflush(file->stream);
    failed |= fsync(fileno(file->stream));
    int why = errno;
    if (fclose(file->stream) && !failed) {
        failed = 1;
        why = errno;
    }
    file->stream = NULL;
    if (!failed && rename(file->temporary, file->path) == 0)
        return VGGCL_OK;
    if (!failed)
        why = errno;
    unlink(file->temporary);
    return err_set(VGGCL_EIO, "%s: cannot be written: %s; what was there before is kept", file->path,
                   why ? strerror(why) : "a write failed; is the disk full?");
}

void file_write_abandon(struct file_write *file) {
    if (!file->stream)
        return;
    fclose(file->stream);
    unlink(file->temporary);
    file->stream = NULL;
}

enum vggcl_err file_write_text(const char *path, const char *text) {
    struct file_write file;
    TRY(file_write_begin(&file, path));
    fprintf(file.stream, "%s\n", text);
    return file_write_commit(&file);
}

enum vggcl_err file_make_folder(const char *path) {
    char part[VGGCL_PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return err_set(VGGCL_EUSAGE, "a folder's path has 1 to %d bytes, not %zu", VGGCL_PATH_MAX - 1, length);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return err_set(VGGCL_EIO, "%s: cannot make this folder: %s", part, strerror(errno));
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return err_set(VGGCL_EIO, "%s: is no folder", path);
    return VGGCL_OK;
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

enum vggcl_err file_move_aside(const char *path, char moved_to[VGGCL_PATH_MAX]) {
    int number = 0;
    do {
        int length = snprintf(moved_to, VGGCL_PATH_MAX, "%s.%d", path, ++number);
        if (length < 0 || length >= VGGCL_PATH_MAX)
            return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX);
    } while (file_exists(moved_to));
    if (rename(path, moved_to) == 0)
        return VGGCL_OK;
    return err_set(VGGCL_EIO, "%s: is in the way and cannot be renamed to %s: %s; choose another folder", path,
                   moved_to, strerror(errno));
}

enum vggcl_err file_path(char out[VGGCL_PATH_MAX], const char *folder, const char *name) {
    int length = snprintf(out, VGGCL_PATH_MAX, "%s/%s", folder, name);
    if (length < 0 || length >= VGGCL_PATH_MAX)
        return err_set(VGGCL_EUSAGE, "%.64s.../%s: the path is longer than %d bytes", folder, name, VGGCL_PATH_MAX);
    return VGGCL_OK;
}

enum vggcl_err file_read(const char *path, size_t limit, char **bytes, size_t *size) {
    enum vggcl_err err = VGGCL_OK;
    struct stat status;
    *bytes = NULL;
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return err_set(VGGCL_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    if (fstat(fileno(stream), &status) != 0 || !S_ISREG(status.st_mode)) {
        err = err_set(VGGCL_EIO, "%s: is no regular file", path);
        goto done;
    }
    *size = (size_t)status.st_size;
    if (*size > limit) {
        err = err_set(VGGCL_EFORMAT, "%s: has %zu bytes, more than the %zu that it may have", path, *size, limit);
        goto done;
    }
    *bytes = malloc(*size + 1);
    if (!*bytes) {
        err = err_no_memory(path, *size + 1);
        goto done;
    }
    if (fread(*bytes, 1, *size, stream) != *size) {
        err =
            err_set(VGGCL_EIO, "%s: cannot be read: %s", path, ferror(stream) ? strerror(errno) : "it became shorter");
        free(*bytes);
        *bytes = NULL;
        goto done;
    }
    (*bytes)[*size] = '\0';
done:
    fclose(stream);
    return err;
}
