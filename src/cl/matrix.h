/* matrix.h - the matrix instructions of devices, which multiply bfloat16 or tf32 and add in float: the host's side of
 * cl/matrix.cl and cl/matrix_lanes.cl. A back-end is a way to these instructions. To add one: a row in matrix.c, and
 * its functions in the one or the other. */
#ifndef VGGCL_CL_MATRIX_H
#define VGGCL_CL_MATRIX_H

#include "cl/device.h"
#include "cl/processor.h"

/* A tile: as many rows and columns of sums, of products along DEPTH numbers; as in cl/matrix.cl. */
enum { MATRIX_SIDE = 16, MATRIX_DEPTH = 32 };

struct matrix_backend {
    const char *name;
    int number;               /* of -DMATRIX */
    int rows, columns;        /* tiles of 16 x 16 sums that are kept in registers */
    enum stored operands;     /* what is multiplied: bfloat16, or floats that are rounded to tf32. Activations must be
                               * stored as this type */
    int lanes;                /* work-items that hold them together, a work-group; 1 on CPU cores */
    bool fast;                /* "auto" may take it: it was seen to be right, and faster than products of floats */
    enum processor_unit unit; /* of the processor, if the device is one */
    bool (*suits)(const struct dev *d); /* the device's driver passes the instructions on, as far as can be known */
};

/* The back-end of that name; NULL if there is none. */
const struct matrix_backend *matrix_find(const char *name);

/* "auto", "none", then the names of all back-ends; ends with NULL. */
extern const char *const matrix_names[];

/* "bf16" or "tf32": what the back-end multiplies, a value of the option precision. */
const char *matrix_precision(const struct matrix_backend *m);

/* Rounds a number as the back-end does before it multiplies by it. */
float matrix_operand(const struct matrix_backend *m, float value);

/* The largest relative error of that, of normal numbers; 0 if m is NULL. */
double matrix_rounding(const struct matrix_backend *m);

/* Sets d->matrix to the back-end of that name; "auto": to the first fast one that suits the device, or NULL; "none": to
 * NULL. A product is tried first with the instructions of a processor, in a child process (processor.h), for "auto"
 * only if the processor says that it has them. VGGCL_EUSAGE, naming the option matrix, if there is no such back-end or
 * it does not suit the device. */
enum vggcl_err matrix_choose(struct dev *d, const char *name);

/* The options of kernels that include cl/matrix.cl, for d->matrix. */
struct matrix_options {
    char text[64];
};
struct matrix_options matrix_options(const struct dev *d);

/* The global and local size of `groups` work-groups, each of which computes a block with d->matrix. */
struct range matrix_range(const struct dev *d, size_t groups);

#endif
