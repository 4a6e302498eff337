/* verdict.h - what selfcheck and compare find out about a device and its driver: a word in their JSON, and the exit
 * status, for scripts that gate a driver on it. The man page has the table. */
#ifndef VGGCL_CLI_VERDICT_H
#define VGGCL_CLI_VERDICT_H

#include "vggcl.h"

/* From the mildest to the worst: of several devices, the worst decides. */
enum verdict {
    VERDICT_RIGHT,
    VERDICT_UNWRITTEN, /* right, but a result could not be written */
    VERDICT_MISSING,   /* no such device or driver */
    VERDICT_FAILED,    /* the check itself could not be done, e.g. out of memory */
    VERDICT_MISUSED,   /* an option, or a file that one names */
    VERDICT_SLOWER,    /* than a record */
    VERDICT_HUNG,
    VERDICT_CRASHED,
    VERDICT_WRONG, /* wrong results, a kernel that does not build, or an OpenCL call that fails */
    VERDICT_INTERRUPTED,
    VERDICTS
};

/* "right", "missing", ...; "failed" for misuse too. */
const char *verdict_word(enum verdict v);

enum verdict verdict_of(enum vggcl_err err);

static inline enum verdict verdict_worse(enum verdict a, enum verdict b) {
    return a > b ? a : b;
}

/* The exit status; VERDICT_MISSING's may be set. */
int verdict_status(enum verdict v);
void verdict_set_missing(int status);

#endif
