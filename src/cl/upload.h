/* upload.h - copies from the host to a device while the device computes: on a second queue, from page-locked memory. */
#ifndef VGGCL_CL_UPLOAD_H
#define VGGCL_CL_UPLOAD_H

#include "cl/device.h"

/* Host memory that the driver page-locks, so that a device reads it without another copy. Not counted in dev->bytes. */
struct pinned {
    cl_mem mem;
    void *host; /* NULL if nothing is allocated */
};

/* Allocates `bytes` bytes, all zeros. VGGCL_ENOMEM if there are too few. */
enum vggcl_err pinned_allocate(struct dev *d, size_t bytes, struct pinned *p);

/* No upload may read p any more. *p may be {0}. */
void pinned_free(struct dev *d, struct pinned *p);

/* Enqueues a copy of `count` words from host to the beginning of t, after all earlier uploads. It does not wait for the
 * device's kernels: neither they nor the host may use t, and the host may not change host, until *fence is done. *fence
 * must be {0}; it may be NULL, as a later upload's fence is done after this one. */
enum vggcl_err upload_enqueue(struct dev *d, struct tensor t, size_t count, const void *host, struct fence *fence);

/* Kernels that are enqueued from now on wait for the fence, which stays as it is. */
enum vggcl_err upload_await(struct dev *d, const struct fence *fence);

/* Sets the fence, which may hold an earlier mark, to be done when all commands enqueued so far are, except uploads. */
enum vggcl_err upload_mark(struct dev *d, struct fence *fence);

#endif
