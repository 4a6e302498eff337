#define _DEFAULT_SOURCE /* flock, gethostname, scandir */
#include "base/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char lock_name[] = ".vggcl-lock";

const struct folder folder_current = {.descriptor = AT_FDCWD, .lock = -1};

enum vggcl_err folder_open(struct folder *folder, const char *path) {
    *folder = FOLDER_CLOSED;
    if (strlen(path) >= sizeof folder->path)
        return err_set(VGGCL_EUSAGE, "%.64s...: the path is longer than %d bytes", path, VGGCL_PATH_MAX - 1);
    strcpy(folder->path, path);
    folder->descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->descriptor < 0)
        return err_set(VGGCL_EIO, "%s: this folder cannot be opened: %s", path, strerror(errno));
    return VGGCL_OK;
}

/* Who holds the lock, as note_holder() wrote it; "another process" if the file is empty. */
static void read_holder(int lock, char text[256]) {
    ssize_t length = pread(lock, text, 255, 0);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    for (char *c = text; *c; c++)
        if (!isprint((unsigned char)*c))
            *c = '?';
    if (!*text)
        strcpy(text, "another process");
}

/* Information only, so a full disk is not an error. */
static void note_holder(int lock) {
    char host[128] = "this machine", since[32], text[256];
    time_t now = time(NULL);
    struct tm utc;
    gethostname(host, sizeof host - 1);
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", gmtime_r(&now, &utc));
    int length = snprintf(text, sizeof text, "process %ld on %s, since %s UTC\n", (long)getpid(), host, since);
    if (ftruncate(lock, 0) != 0 || pwrite(lock, text, (size_t)length, 0) != length)
        return;
}

/* The lock file's descriptor; below 0, with errno, if it can be neither opened nor created. */
static int open_lock(const struct folder *folder) {
    int lock = openat(folder->descriptor, lock_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (lock < 0 && (errno == EACCES || errno == EROFS))
        lock = openat(folder->descriptor, lock_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return lock;
}

/* The holder removes the file before it lets go: one that was opened before that, and locked after, is not the
 * folder's lock any more, and the next one is tried. */
enum vggcl_err folder_lock(struct folder *folder, const char *advice) {
    struct stat status = {0};
    char holder[256];
    do {
        if (folder->lock >= 0)
            close(folder->lock);
        folder->lock = open_lock(folder);
        if (folder->lock < 0 && (errno == EACCES || errno == EROFS || errno == ENOENT))
            return VGGCL_OK;
        if (folder->lock < 0)
            return err_set(VGGCL_EIO, "%s/%s: cannot be opened: %s", folder->path, lock_name, strerror(errno));
        if (flock(folder->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            read_holder(folder->lock, holder);
            close(folder->lock);
            folder->lock = -1;
            return err_set(VGGCL_EIO, "%s: in use by %s; %s", folder->path, holder, advice);
        }
    } while (fstat(folder->lock, &status) == 0 && status.st_nlink == 0);
    note_holder(folder->lock);
    return VGGCL_OK;
}

void folder_close(struct folder *folder) {
    if (folder->lock >= 0) {
        unlinkat(folder->descriptor, lock_name, 0);
        close(folder->lock);
    }
    if (folder->descriptor >= 0)
        close(folder->descriptor);
    *folder = FOLDER_CLOSED;
}

bool folder_sync(int descriptor) {
    int status;
    while ((status = fsync(descriptor)) != 0 && errno == EINTR)
        ;
    return status == 0 || errno == EINVAL || errno == ENOSYS || errno == ENOTSUP || errno == EOPNOTSUPP ||
           errno == EROFS;
}

static int is_visible(const struct dirent *entry) {
    return *entry->d_name != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

int folder_list(const char *path, struct dirent ***entries) {
    return scandir(path, entries, is_visible, by_bytes);
}

void folder_list_free(struct dirent **entries, int count) {
    for (int i = 0; i < count; i++)
        free(entries[i]);
    if (count >= 0)
        free(entries);
}
