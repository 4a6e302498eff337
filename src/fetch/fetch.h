/* fetch.h - vggcl_fetch() with other sums and limits than those of the real data sets, for tests. */
#ifndef VGGCL_FETCH_FETCH_H
#define VGGCL_FETCH_FETCH_H

#include "base/err.h"
#include "fetch/sets.h"

struct fetch_goal {
    const struct fetch_set *set;
    const char *sums;   /* of set->archive and set->files, see fetch/sums.h */
    bool check_archive; /* compare the archive's sum with that of set->archive */
    uint64_t largest;   /* maximum size in bytes of a file, and of the contents of an archive */
};

/* As vggcl_fetch(); ask->name is not used. */
enum vggcl_err fetch_data(const struct vggcl_fetch *ask, const struct fetch_goal *goal,
                          const struct vggcl_fetch_observer *observer, struct vggcl_fetched *fetched);

#endif
