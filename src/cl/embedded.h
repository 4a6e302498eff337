/* embedded.h - the kernel sources that the build put into the library (cl/embed.cmake writes the table). */
#ifndef VGGCL_CL_EMBEDDED_H
#define VGGCL_CL_EMBEDDED_H

struct embedded_kernel {
    const char *stem;   /* the file's name without .cl; NULL ends the table */
    const char *source; /* its text, NUL-terminated */
};

extern const struct embedded_kernel embedded_kernels[];

#endif
