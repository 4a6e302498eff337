/* counted.h - the progress of work on a known number of things, and when it will be done. */
#ifndef VGGCL_CLI_COUNTED_H
#define VGGCL_CLI_COUNTED_H

#include <stddef.h>

struct counted {
    const char *things, *past; /* "pictures", "decoded": "pictures 3/9 decoded" */
    double begun, shown;       /* clock_seconds() */
};

struct counted counted_begin(const char *things, const char *past);

/* Shows that done of count things are done, with an ETA: ten times a second as the live line of a terminal, once a
 * minute elsewhere. At the end the live line is erased. */
void counted_show(struct counted *c, size_t done, size_t count);

#endif
