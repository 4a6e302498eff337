/* file.h - atomic writes (a temporary file that is renamed into place), and other file functions. */
#ifndef VGGCL_BASE_FILE_H
#define VGGCL_BASE_FILE_H

#include "base/folder.h"

#include <stdio.h>

/* A file being written. It is the temporary file "NAME.PROCESS-NUMBER.tmp" in the same folder until file_write_commit()
 * has flushed it to disk and renamed it to NAME. The temporary file is always created new (O_EXCL), never through a
 * link, and is locked while it is written. One without a lock is left over from a killed process; the next writer of
 * the same file removes it. */
struct file_write {
    FILE *stream;              /* write to it without checking; file_write_commit() reports errors */
    int folder, lock;          /* descriptors of the folder and of the temporary file; below 0 for none */
    char path[VGGCL_PATH_MAX]; /* for messages */
    char temporary[320];       /* in the folder, as is name */
    const char *name;
};

/* path is relative to folder; with folder_current, to the working directory. VGGCL_EIO if the temporary file cannot be
 * created; file_write_abandon() is not needed then. */
enum vggcl_err file_write_begin(struct file_write *file, const struct folder *folder, const char *path);

/* Closes the file and renames it into place. On any error, including an earlier failed write to the stream (a full
 * disk), the temporary file is removed, an existing file at path stays as it is, and the result is VGGCL_EIO. */
enum vggcl_err file_write_commit(struct file_write *file);

/* Closes and removes the temporary file, for error paths. Does nothing after a commit. */
void file_write_abandon(struct file_write *file);

/* Atomically writes text and a newline to path in folder. */
enum vggcl_err file_write_text(const struct folder *folder, const char *path, const char *text);

/* Atomically copies the file at `from` to path in folder. */
enum vggcl_err file_copy(const char *from, const struct folder *folder, const char *path);

/* Creates the folder and its parents, if they are missing. */
enum vggcl_err file_make_folder(const char *path);

/* Whether path is a folder, or a link to one. */
bool file_is_folder(const char *path);

/* Whether anything exists at path, including a dangling link. */
bool file_exists(const char *path);

/* Renames path to the first free name of path.1, path.2, ...; stores that name in moved_to. */
enum vggcl_err file_move_aside(const char *path, char moved_to[VGGCL_PATH_MAX]);

/* out = folder/name. VGGCL_EUSAGE if the path is too long. */
enum vggcl_err file_path(char out[VGGCL_PATH_MAX], const char *folder, const char *name);

/* Reads a whole file of at most limit bytes. *bytes has a NUL after its *size bytes; the caller frees it. */
enum vggcl_err file_read(const char *path, size_t limit, char **bytes, size_t *size);

#endif
