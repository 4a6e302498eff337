/* parallel.h - a loop over independent items on all cores. */
#ifndef VGGCL_BASE_PARALLEL_H
#define VGGCL_BASE_PARALLEL_H

#include <stdbool.h>
#include <stddef.h>

struct parallel {
    void (*one)(size_t i, void *payload); /* for each item i; called by several threads at once, in no certain order */
    void (*thread_ends)(void);            /* called by each thread after its last item; NULL for none */
    void *payload;                        /* for one */
    /* Called before the first item, about ten times a second, and at the end, by the thread that called parallel_for();
     * NULL for none. */
    void (*progress)(size_t done, size_t count, void *progress_payload);
    void *progress_payload;
};

/* Returns true after the last of count items, or false once stop_asked() is true in the calling thread, which asks
 * about ten times a second: items that were begun are done then, the others are not. Uses as many threads as the
 * process has cores, at most one for each item. The calling thread works too, so that it also works where no thread can
 * be created. An item's error text is lost unless one() copies it; that of the calling thread stays as it was. */
bool parallel_for(size_t count, const struct parallel *p);

#endif
