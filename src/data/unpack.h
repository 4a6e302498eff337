/* unpack.h - the files of CIFAR-10 out of an archive that nobody vouches for. The only caller of libarchive. */
#ifndef VGGCL_DATA_UNPACK_H
#define VGGCL_DATA_UNPACK_H

#include "base/err.h"

#define UNPACK_TOP "cifar-10-batches-bin" /* what the archive's paths begin with */

struct unpack {
    const char *archive;                         /* the file: tar, as it is or packed by gzip */
    const char *source;                          /* what errors call it */
    const char *folder;                          /* is made, and gets cifar_files by their names */
    uint64_t largest;                            /* bytes that the archive may unpack to */
    const struct vggcl_fetch_observer *observer; /* of which no function is NULL */
    bool stopped;                                /* out: by the observer; folder is incomplete then */
};

/* Other files below UNPACK_TOP are left out. VGGCL_EFORMAT, naming the entry, for any path that is not a file there,
 * for links, special files, for files that are missing or there twice, and for more than `largest` bytes. No path of
 * the archive's is ever opened: what is written has a name of cifar_files. After an error unpack_remove() tidies up. */
enum vggcl_err unpack_archive(struct unpack *u);

/* Removes what unpack_archive() writes to folder, and folder. */
void unpack_remove(const char *folder);

#endif
