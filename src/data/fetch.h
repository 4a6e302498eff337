/* fetch.h - what vggcl_fetch() does, of any data set in CIFAR-10's files: tests have small ones. */
#ifndef VGGCL_DATA_FETCH_H
#define VGGCL_DATA_FETCH_H

#include "base/err.h"

#define FETCH_ARCHIVE "cifar-10-binary.tar.gz"

struct fetch_goal {
    const char *sums;   /* of FETCH_ARCHIVE and cifar_files, see data/sums.h */
    bool check_archive; /* the archive is to have the sum of FETCH_ARCHIVE */
    uint64_t largest;   /* bytes that an archive, or what is in it, may have */
};

/* As vggcl_fetch(). */
enum vggcl_err fetch_set(const struct vggcl_fetch *ask, const struct fetch_goal *goal,
                         const struct vggcl_fetch_observer *observer, struct vggcl_fetched *fetched);

#endif
