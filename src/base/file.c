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
static int open_temporary(struct file_write *file, mode_t mode) {
    struct stat status = {0};
    int descriptor;
    for (unsigned number = 0;; number++) {
        snprintf(file->temporary, sizeof file->temporary, "%.255s" TEMPORARY, file->name, (long)getpid(), number);
        /* For reading too, so that it can be mapped. */
        descriptor = openat(file->folder, file->temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
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

void file_cut_to_folder(char path[static 2]) {
    char *slash = strrchr(path, '/');
    if (!slash)
        strcpy(path, ".");
    else
        slash[slash == path] = '\0';
}

static int open_parent(const struct folder *folder, const char *path) {
    char parent[VGGCL_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    file_cut_to_folder(parent);
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

static enum vggcl_err begin(struct file_write *file, const struct folder *folder, const char *path, mode_t mode) {
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
        file->lock = open_temporary(file, mode);
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

enum vggcl_err file_write_begin(struct file_write *file, const struct folder *folder, const char *path) {
    return begin(file, folder, path, 0666);
}

enum vggcl_err file_write_begin_own(struct file_write *file, const char *path) {
    return begin(file, &folder_current, path, 0600);
}

/* After the rename: without this, a power cut can undo it. */
static enum vggcl_err keep_name(struct file_write *file) {
    bool kept = folder_sync(file->folder);
    int why = errno;
    close_write(file);
    return kept ? VGGCL_OK
                : err_set(VGGCL_EIO,
                          "%s: is written, but a power cut may undo that: its folder cannot be flushed to "
                          "disk: %s",
                          file->path, strerror(why));
}

/* Keeps the file that is about to be replaced, if there is one, as NAME.1; below 0, with errno, on failure. */
static int keep_previous(const struct file_write *file) {
    char kept[sizeof file->temporary];
    snprintf(kept, sizeof kept, "%.255s.1", file->name);
    if (!file->keep_previous || (unlinkat(file->folder, kept, 0) != 0 && errno != ENOENT))
        return file->keep_previous ? -1 : 0;
    if (linkat(file->folder, file->name, file->folder, kept, 0) == 0 || errno == ENOENT)
        return 0;
    return renameat(file->folder, file->name, file->folder, kept);
}

void file_write_bytes(struct file_write *file, const void *bytes, size_t size) {
    if (fwrite(bytes, 1, size, file->stream) != size && !file->why)
        file->why = errno;
}

enum vggcl_err file_write_commit(struct file_write *file) {
    errno = 0;
    int failed = ferror(file->stream) | fflush(file->stream);
    failed |= !folder_sync(fileno(file->stream));
    int why = file->why ? file->why : errno;
    if (fclose(file->stream) && !failed) {
        failed = 1;
        why = errno;
    }
    file->stream = NULL;
    if (!failed && keep_previous(file) == 0 && renameat(file->folder, file->temporary, file->folder, file->name) == 0)
        return keep_name(file);
    if (!failed)
        why = errno;
    file_write_abandon(file);
    return err_set(VGGCL_EIO, "%s: cannot be written: %s; what was there before is kept", file->path,
                   why ? strerror(why) : "a write failed");
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

/* Flushes the name of path in its folder to disk. A folder that may be written to but not read cannot be flushed. */
static bool sync_name(const char *path) {
    int folder = open_parent(&folder_current, path);
    if (folder < 0)
        return errno == EACCES;
    bool synced = folder_sync(folder);
    int why = errno;
    close(folder);
    errno = why;
    return synced;
}

static bool make_one(const char *path, mode_t mode) {
    return mkdir(path, mode) == 0 ? sync_name(path) : errno == EEXIST;
}

static enum vggcl_err make_folder(const char *path, mode_t mode) {
    char part[VGGCL_PATH_MAX];
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof part)
        return err_set(VGGCL_EUSAGE, "a folder's path has 1 to %d bytes, not %zu", VGGCL_PATH_MAX - 1, length);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (!make_one(part, mode))
            return err_set(VGGCL_EIO, "%s: cannot make this folder: %s", part, strerror(errno));
    }
    return file_is_folder(path) ? VGGCL_OK : err_set(VGGCL_EIO, "%s: is not a folder", path);
}

enum vggcl_err file_make_folder(const char *path) {
    return make_folder(path, 0777);
}

enum vggcl_err file_make_folder_own(const char *path) {
    return make_folder(path, 0700);
}

bool file_is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool file_exists(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0;
}

bool file_rename(const char *from, const char *to) {
    return rename(from, to) == 0 && sync_name(to) && sync_name(from);
}

bool file_sync(FILE *stream) {
    return fflush(stream) == 0 && folder_sync(fileno(stream));
}

enum vggcl_err file_move_aside(const char *path, char moved_to[VGGCL_PATH_MAX]) {
    char from[VGGCL_PATH_MAX];
    int number = 0;
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    snprintf(from, sizeof from, "%.*s", (int)end, path);
    do {
        int length = snprintf(moved_to, VGGCL_PATH_MAX, "%s.%d", from, ++number);
        if (length < 0 || length >= VGGCL_PATH_MAX)
            return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX);
    } while (file_exists(moved_to));
    if (file_rename(from, moved_to))
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

/* What keeps a file from being read; NULL if nothing does. own: nobody else can have put it there or changed it. */
static const char *refusal(const struct stat *status, bool own) {
    if (!S_ISREG(status->st_mode))
        return "is not a regular file";
    if (own && status->st_uid != geteuid())
        return "belongs to another user";
    return own && status->st_mode & (S_IWGRP | S_IWOTH) ? "can be written by others" : NULL;
}

/* O_NONBLOCK: to open a FIFO without a writer, or a device, must not wait. It does nothing to a regular file. */
static enum vggcl_err open_regular(const char *path, bool own, FILE **stream, uint64_t *size) {
    struct stat status;
    *stream = NULL;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (own ? O_NOFOLLOW : 0));
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || !(*stream = fdopen(descriptor, "rb"))) {
        enum vggcl_err err = err_set(VGGCL_EIO, "%s: cannot be opened: %s", path, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return err;
    }
    const char *why = refusal(&status, own);
    *size = (uint64_t)status.st_size;
    if (!why)
        return VGGCL_OK;
    fclose(*stream);
    *stream = NULL;
    return err_set(VGGCL_EIO, "%s: %s", path, why);
}

enum vggcl_err file_open(const char *path, FILE **stream, uint64_t *size) {
    return open_regular(path, false, stream, size);
}

enum vggcl_err file_open_own(const char *path, FILE **stream, uint64_t *size) {
    return open_regular(path, true, stream, size);
}

static enum vggcl_err read_whole(FILE *stream, const char *path, size_t size, char **bytes) {
    *bytes = malloc(size + 1);
    if (!*bytes)
        return err_no_memory(path, size + 1);
    if (fread(*bytes, 1, size, stream) == size) {
        (*bytes)[size] = '\0';
        return VGGCL_OK;
    }
    const char *why = ferror(stream) ? strerror(errno) : "file truncated while reading";
    free(*bytes);
    *bytes = NULL;
    return err_set(VGGCL_EIO, "%s: cannot be read: %s", path, why);
}

static enum vggcl_err read_file(const char *path, bool own, size_t limit, char **bytes, size_t *size) {
    FILE *stream;
    uint64_t length;
    *bytes = NULL;
    TRY(open_regular(path, own, &stream, &length));
    *size = (size_t)length;
    enum vggcl_err err = *size > limit ? err_set(VGGCL_EFORMAT, "%s: has %zu bytes, more than the %zu that it may have",
                                                 path, *size, limit)
                                       : read_whole(stream, path, *size, bytes);
    fclose(stream);
    return err;
}

enum vggcl_err file_read(const char *path, size_t limit, char **bytes, size_t *size) {
    return read_file(path, false, limit, bytes, size);
}

enum vggcl_err file_read_own(const char *path, size_t limit, char **bytes, size_t *size) {
    return read_file(path, true, limit, bytes, size);
}

enum vggcl_err file_copy(const char *from, const struct folder *folder, const char *path) {
    struct file_write file;
    char *bytes;
    size_t size = 0;
    TRY(file_read(from, SIZE_MAX - 1, &bytes, &size));
    enum vggcl_err err = file_write_begin(&file, folder, path);
    if (err == VGGCL_OK) {
        file_write_bytes(&file, bytes, size);
        err = file_write_commit(&file);
    }
    free(bytes);
    return err;
}
