/* processor.h - matrix instructions of the processor on which a driver for CPUs runs kernels. A kernel with
 * instructions that the processor does not have ends the process (SIGILL), so they are tried in a child process first.
 * For x86-64 with Linux; elsewhere there are none. */
#ifndef VGGCL_CL_PROCESSOR_H
#define VGGCL_CL_PROCESSOR_H

#include <stdbool.h>

enum processor_unit {
    PROCESSOR_ANY,    /* none of them is needed: both functions are true */
    PROCESSOR_AVX512, /* AVX512-BF16: products of vectors */
    PROCESSOR_AMX     /* AMX-BF16: products of tiles */
};

/* Whether processor and operating system say that they support the unit. */
bool processor_has(enum processor_unit unit);

/* Asks the operating system for the unit's registers, for the whole process, and multiplies two small matrices in a
 * child process. True if the product is right; false too if the instructions end that process or it cannot be started.
 * Does not ask processor_has(). Takes about a millisecond; the calling process may have threads, and sees neither a
 * signal nor a child of its own. */
bool processor_computes(enum processor_unit unit);

#endif
