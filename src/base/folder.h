/* folder.h - a folder held open by its descriptor, so that it may be renamed meanwhile, and its lock. */
#ifndef VGGCL_BASE_FOLDER_H
#define VGGCL_BASE_FOLDER_H

#include "base/err.h"

struct folder {
    int descriptor;            /* for openat() and similar functions */
    int lock;                  /* descriptor of its lock file; below 0 for none */
    char path[VGGCL_PATH_MAX]; /* as passed to folder_open(), for messages; "" for folder_current */
};

/* The working directory: names in it are ordinary paths, absolute or relative. */
extern const struct folder folder_current;

/* A folder that is not open; folder_close() does nothing on it. */
#define FOLDER_CLOSED ((struct folder){.descriptor = -1, .lock = -1})

/* VGGCL_EIO if path cannot be opened; *folder is then FOLDER_CLOSED. */
enum vggcl_err folder_open(struct folder *folder, const char *path);

/* Locks the folder by a file ".vggcl-lock", which names the holder, until folder_close() or until the process ends or
 * is killed. VGGCL_EIO if another process, or another part of this one, holds the lock; the text says who and since
 * when, followed by advice. Does nothing if the file system has no locks, or if the folder is not writable and has no
 * lock file. */
enum vggcl_err folder_lock(struct folder *folder, const char *advice);

void folder_close(struct folder *folder);

/* The entries of the folder at path, except hidden ones, sorted by the bytes of their names: unlike alphasort(),
 * independent of the locale. Returns their number, or -1 with errno; free them with folder_list_free() in both cases.
 */
struct dirent;
int folder_list(const char *path, struct dirent ***entries);
void folder_list_free(struct dirent **entries, int count);

/* Flushes an open file or folder to disk; of a folder, the names in it: new, renamed and removed ones. Without it, a
 * power cut can undo a rename. False, with errno, if the disk fails; a file system that cannot do it is no failure. */
bool folder_sync(int descriptor);

#endif
