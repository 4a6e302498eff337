/* embedded.h - the files that the build embeds in the library; cl/embed.cmake generates the tables. */
#ifndef VGGCL_BASE_EMBEDDED_H
#define VGGCL_BASE_EMBEDDED_H

struct embedded_file {
    const char *stem; /* the file name up to the first dot; NULL ends a table */
    const char *text; /* NUL-terminated */
};

extern const struct embedded_file embedded_kernels[];  /* cl/x.cl */
extern const struct embedded_file embedded_profiles[]; /* data/profiles/x.json */
extern const struct embedded_file embedded_sums[];     /* data/sums/x.txt */
extern const struct embedded_file embedded_scripts[];  /* src/cli/x.py; only in the program */
extern const struct embedded_file embedded_pages[];    /* src/cli/x.html; only in the program */
extern const struct embedded_file embedded_manual[];   /* data/man/x.man; only in the program */

#endif
