/* file.h - atomic writes (a temporary file that is renamed into place), reading, and other file functions. What a
 * function here has written, made or renamed is on disk when it returns VGGCL_OK: a power cut cannot undo it. */
#ifndef VGGCL_BASE_FILE_H
#define VGGCL_BASE_FILE_H

#include "base/folder.h"

#include <stdint.h>
#include <stdio.h>

/* A file being written. It is the temporary file "NAME.PROCESS-NUMBER.tmp" in the same folder until file_write_commit()
 * has flushed it to disk and renamed it to NAME. The temporary file is always created new (O_EXCL), never through a
 * link, and is locked while it is written. One without a lock is left over from a killed process; the next writer of
 * the same file removes it. */
struct file_write {
    FILE *stream;              /* write to it without checking; file_write_commit() reports errors */
    int why;                   /* errno of file_write_bytes(), 0 without an error */
    int folder, lock;          /* descriptors of the folder and of the temporary file; below 0 for none */
    char path[VGGCL_PATH_MAX]; /* for messages */
    char temporary[320];       /* in the folder, as is name */
    const char *name;
    bool keep_previous; /* to be set after file_write_begin(): keeps the file that is replaced as NAME.1 */
};

/* path is relative to folder; with folder_current, to the working directory. VGGCL_EIO if the temporary file cannot be
 * created; file_write_abandon() is not needed then. */
enum vggcl_err file_write_begin(struct file_write *file, const struct folder *folder, const char *path);

/* The same for a file that only this user may read, in a cache; path is relative to the working directory. */
enum vggcl_err file_write_begin_own(struct file_write *file, const char *path);

/* fwrite() to the stream; file_write_commit() then says why it failed, which it cannot of a failed fwrite(). */
void file_write_bytes(struct file_write *file, const void *bytes, size_t size);

/* Closes the file and renames it into place. At every moment a whole file has the name, or, with keep_previous on a
 * file system without hard links, at least NAME.1. On any error, including an earlier failed write to the stream (a
 * full disk), the temporary file is removed, an existing file at path stays as it is, and the result is VGGCL_EIO. */
enum vggcl_err file_write_commit(struct file_write *file);

/* Closes and removes the temporary file, for error paths. Does nothing after a commit. */
void file_write_abandon(struct file_write *file);

/* Atomically writes text and a newline to path in folder. */
enum vggcl_err file_write_text(const struct folder *folder, const char *path, const char *text);

/* Atomically copies the file at `from` to path in folder. */
enum vggcl_err file_copy(const char *from, const struct folder *folder, const char *path);

/* Creates the folder and its parents, if they are missing. */
enum vggcl_err file_make_folder(const char *path);

/* The same; folders that it creates are open to this user only. */
enum vggcl_err file_make_folder_own(const char *path);

/* Whether path is a folder, or a link to one. */
bool file_is_folder(const char *path);

/* Whether anything exists at path, including a dangling link. */
bool file_exists(const char *path);

/* Renames path to the first free name of path.1, path.2, ...; stores that name in moved_to. */
enum vggcl_err file_move_aside(const char *path, char moved_to[VGGCL_PATH_MAX]);

/* Renames a file or a folder. False, with errno, if that fails or cannot be flushed to disk. */
bool file_rename(const char *from, const char *to);

/* Flushes what was written to a stream to disk, for files that are not written with file_write_begin(). False, with
 * errno, if that fails; a stream that is no file on disk (a pipe) is no failure. */
bool file_sync(FILE *stream);

/* Cuts a path to the folder that it is in: "." if it has no slash, "/" for "/name". */
void file_cut_to_folder(char path[static 2]);

/* out = folder/name. VGGCL_EUSAGE if the path is too long. */
enum vggcl_err file_path(char out[VGGCL_PATH_MAX], const char *folder, const char *name);

/* Opens a file for reading; *size: its bytes. Never waits: what is not a regular file (a FIFO, a device, a folder) is
 * VGGCL_EIO, as is what cannot be opened; *stream is NULL then. The caller closes the stream. */
enum vggcl_err file_open(const char *path, FILE **stream, uint64_t *size);

/* Reads a whole file of at most limit bytes, opened as by file_open(). *bytes has a NUL after its *size bytes; the
 * caller frees it. */
enum vggcl_err file_read(const char *path, size_t limit, char **bytes, size_t *size);

/* The same for files that are trusted, those of a cache: also VGGCL_EIO if the file belongs to another user, can be
 * written by others, or is a link. */
enum vggcl_err file_open_own(const char *path, FILE **stream, uint64_t *size);
enum vggcl_err file_read_own(const char *path, size_t limit, char **bytes, size_t *size);

#endif
