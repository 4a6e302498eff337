/* sets.h - the data sets that vggcl_fetch() gets. To add one: a row in sets.c, and its sums in data/sums/NAME.txt. */
#ifndef VGGCL_FETCH_SETS_H
#define VGGCL_FETCH_SETS_H

#include "vggcl.h"

enum { FETCH_MOST_FILES = 8 };

struct fetch_set {
    struct vggcl_fetch_set about;
    const char *archive;      /* the file at a mirror that holds a folder about.folder; NULL: a mirror has the files */
    const char *const *files; /* what the folder must hold; ends with NULL, at most FETCH_MOST_FILES */
    const char *class_names;  /* lines to write to names.txt in the folder; NULL for none */
};

/* The sets; the first is the default. */
extern const struct fetch_set fetch_sets[];
extern const size_t fetch_set_count;

/* The set of that name, NULL for the default one. VGGCL_EUSAGE if there is none. */
enum vggcl_err fetch_find_set(const char *name, const struct fetch_set **set);

#endif
