/* embedded.h - the files that the build put into the library (cl/embed.cmake writes the tables). */
#ifndef VGGCL_BASE_EMBEDDED_H
#define VGGCL_BASE_EMBEDDED_H

struct embedded_file {
    const char *stem; /* its name without what follows the dot; NULL ends a table */
    const char *text; /* NUL-terminated */
};

extern const struct embedded_file embedded_kernels[];  /* cl/x.cl */
extern const struct embedded_file embedded_profiles[]; /* data/profiles/x.json */
extern const struct embedded_file embedded_sums[];     /* data/MD5SUMS */
extern const struct embedded_file embedded_pages[];    /* src/cli/x.html, in the program alone */

#endif
