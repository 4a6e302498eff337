/* unpack.h - extracts the files of a data set from an untrusted archive. The only caller of libarchive, which the
 * build may lack. */
#ifndef VGGCL_FETCH_UNPACK_H
#define VGGCL_FETCH_UNPACK_H

#include "base/err.h"
#include "fetch/sets.h"

struct unpack {
    const struct fetch_set *set;                 /* which files; the archive holds the folder set->about.folder */
    const char *archive;                         /* the file: tar, optionally compressed with gzip */
    const char *source;                          /* the archive's name in errors */
    const char *folder;                          /* the folder to create and to write the files to */
    uint64_t largest;                            /* maximum size of the contents in bytes */
    const struct vggcl_fetch_observer *observer; /* no function is NULL */
    bool stopped;                                /* out: the observer stopped it, so folder is incomplete */
};

/* VGGCL_EUSAGE, naming the archive, in a build without libarchive. Called before an archive is downloaded. */
enum vggcl_err unpack_start(const char *archive);

/* Extracts set->files, and skips other files in their folder. VGGCL_EFORMAT, naming the entry, for an entry outside
 * that folder or in a folder below it, a link, a special file, a file that is missing or occurs twice, or contents of
 * more than `largest` bytes. Paths of the archive are never opened: the files written have the names of set->files.
 * After an error, call unpack_remove(). */
enum vggcl_err unpack_archive(struct unpack *u);

/* Removes the files that unpack_archive() writes, and the folder. */
void unpack_remove(const struct fetch_set *set, const char *folder);

#endif
