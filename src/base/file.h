/* file.h - files that are whole or not there: what is saved is written beside its place and renamed into it. */
#ifndef VGGCL_BASE_FILE_H
#define VGGCL_BASE_FILE_H

#include "base/err.h"

#include <stdio.h>

/* A file being written: to path.tmp until file_write_commit() has flushed it to disk and renamed it to path. */
struct file_write {
    FILE *stream; /* write to it as you like; file_write_commit() finds out about errors */
    char path[VGGCL_PATH_MAX], temporary[VGGCL_PATH_MAX];
};

/* VGGCL_EIO where path.tmp cannot be made. */
enum vggcl_err file_write_begin(struct file_write *file, const char *path);

/* Closes the file and renames it into place. On any error, a failed earlier write to the stream too (a full disk), the
 * temporary file is removed, what stood at path stays, and the answer is VGGCL_EIO. */
enum vggcl_err file_write_commit(struct file_write *file);

/* Closes and removes the temporary file; for leaving on an error. Nothing to do after a commit. */
void file_write_abandon(struct file_write *file);

/* Writes text and a newline to path: whole or not at all. */
enum vggcl_err file_write_text(const char *path, const char *text);

/* Makes the folder and those above it, where missing. */
enum vggcl_err file_make_folder(const char *path);

/* Whether there is anything at path, a link that leads nowhere too. */
bool file_exists(const char *path);

/* Renames what is at path to path.1, path.2, ..., the first one that is free; moved_to gets it. */
enum vggcl_err file_move_aside(const char *path, char moved_to[VGGCL_PATH_MAX]);

/* Joins folder and name with a slash into out. VGGCL_EUSAGE where the path is too long. */
enum vggcl_err file_path(char out[VGGCL_PATH_MAX], const char *folder, const char *name);

/* Reads a whole file of at most limit bytes; *bytes is the caller's, to be freed, with a NUL after *size bytes. */
enum vggcl_err file_read(const char *path, size_t limit, char **bytes, size_t *size);

#endif
