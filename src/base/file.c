#define _DEFAULT_SOURCE /* flock */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A temporary file is called "NAME.PROCESS-NUMBER.tmp": the writer's process, and what tells its writers apart. */
#define TEMPORARY ".%ld-%u.tmp"

static bool is_temporary(const char *entry, const char *name) {
    size_t length = strlen(name);
    long process;
    unsigned number;
    int end = 0;
    return strncmp(entry, name, length) == 0 && sscanf(entry + length, TEMPORARY "%n", &process, &number, &end) == 2 &&
           end > 0 && !entry[length + (size_t)end];
}

/* A writer holds a lock on its temporary file; where nobody does, the writer was killed. */
static void remove_if_stale(int folder, const char *entry) {
    int file = openat(folder, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return;
    if (flock(file, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, entry, 0);
    close(file);
}

/* What killed writers of the same file left; what cannot be removed is in nobody's way. */
static void remove_stale(const struct file_write *file) {
    int folder = openat(file->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = folder < 0 ? NULL : fdopendir(folder);
    if (!entries) {
        if (folder >= 0)
            close(folder);
        return;
    }
    for (struct dirent *e; (e = readdir(entries));)
        if (is_temporary(e->d_name, file->name))
            remove_if_stale(folder, e->d_name);
    closedir(entries);
}

/* Between its making and its lock another writer may take a temporary file for stale and remove it: then a next one is
 * made. */
static int open_temporary(struct file_write *file) {
    struct stat status = {0};
    int descriptor;
    for (unsigned number = 0;; number++) {
        snprintf(file->temporary, sizeof file->temporary, "%.255s" TEMPORARY, file->name, (long)getpid(), number);
        /* For reading too, so that it can be mapped. */
        descriptor = openat(file->folder, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (descriptor < 0 && errno != EEXIST)
            return -1;
        if (descriptor < 0)
            continue;
        while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR)
            ;
        if (fstat(descriptor, &status) == 0 && status.st_nlink > 0)
            return descriptor;
        close(descriptor);
    }
}

static int open_parent(const struct folder *folder, const char *path) {
    char parent[VGGCL_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(parent, sizeof parent, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    return openat(folder->descriptor, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void close_write(struct file_write *file) {
    if (file->stream)
        fclose(file->stream);
    if (file->lock >= 0)
        close(file->lock);
    if (file->folder >= 0)
        close(file->folder);
    file->stream = NULL;
    file->lock = file->folder = -1;
}

enum vggcl_err file_write_begin(struct file_write *file, const struct folder *folder, const char *path) {
    *file = (struct file_write){.folder = -1, .lock = -1};
    if (*folder->path)
        TRY(file_path(file->path, folder->path, path));
    else if (strlen(path) >= sizeof file->path)
        return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX - 1);
    else
        strcpy(file->path, path);
    const char *slash = strrchr(file->path, '/');
    file->name = slash ? slash + 1 : file->path;
    file->folder = open_parent(folder, path);
    if (file->folder >= 0) {
        remove_stale(file);
        file->lock = open_temporary(file);
    }
    /* A descriptor of its own, so that the lock outlives the stream. */
    int descriptor = file->lock < 0 ? -1 : dup(file->lock);
    file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file->stream)
        return VGGCL_OK;
    enum vggcl_err err = err_set(VGGCL_EIO, "%s: cannot be written: %s", file->path, strerror(errno));
    if (descriptor >= 0)
        close(descriptor);
    file_write_abandon(file);
    return err;
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
    if (!failed && renameat(file->folder, file->temporary, file->folder, file->name) == 0) {
        close_write(file);
        return VGGCL_OK;
    }
    if (!failed)
        why = errno;
    file_write_abandon(file);
    return err_set(VGGCL_EIO, "%s: cannot be written: %s; what was there before is kept", file->path,
                   why ? strerror(why) : "a write failed; is the disk full?");
}

void file_write_abandon(struct file_write *file) {
    if (file->lock >= 0)
        unlinkat(file->folder, file->temporary, 0);
    close_write(file);
}

enum vggcl_err file_write_text(const struct folder *folder, const char *path, const char *text) {
    struct file_write file;
    TRY(file_write_begin(&file, folder, path));
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
    return file_is_folder(path) ? VGGCL_OK : err_set(VGGCL_EIO, "%s: is not a folder", path);
}

bool file_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
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
        err = err_set(VGGCL_EIO, "%s: is not a regular file", path);
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

enum vggcl_err file_copy(const char *from, const struct folder *folder, const char *path) {
    struct file_write file;
    char *bytes;
    size_t size = 0;
    TRY(file_read(from, SIZE_MAX - 1, &bytes, &size));
    enum vggcl_err err = file_write_begin(&file, folder, path);
    if (err == VGGCL_OK) {
        fwrite(bytes, 1, size, file.stream);
        err = file_write_commit(&file);
    }
    free(bytes);
    return err;
}
