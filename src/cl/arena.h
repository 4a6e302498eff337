/* arena.h - many tensors in few allocations. All sizes are reserved first, so the total is known before any memory is
 * allocated; then arena_commit() allocates the blocks and creates the tensors as sub-buffers of them. */
#ifndef VGGCL_CL_ARENA_H
#define VGGCL_CL_ARENA_H

#include "cl/device.h"

struct arena_block {
    cl_mem mem;
    size_t words;
    size_t marked_words; /* words beyond these belong to requests made after arena_mark() */
};

struct arena {
    struct dev *dev; /* owns the blocks' context; NULL before arena_commit() */
    struct arena_request *requests;
    size_t request_count, request_room, marked_count;
    struct arena_block *blocks; /* each at most the device's largest allocation */
    size_t block_count;
};

/* Reserves count 4-byte words (at least one) for *tensor, aligned as the device requires. arena_commit() fills *tensor
 * in and arena_free() clears it; *tensor must not move in between. name appears in error texts; it is not copied and
 * must stay valid until arena_commit() has returned. VGGCL_ENOMEM if the host has no memory left. */
enum vggcl_err arena_reserve(struct arena *a, const char *name, size_t count, struct tensor *tensor);

/* As arena_reserve(), for a tensor that is needed only in steps from..until (inclusive) of a sequence of steps. Tensors
 * that are needed at different steps may share memory: outside of its steps, a tensor's contents are undefined. */
enum vggcl_err arena_reserve_during(struct arena *a, const char *name, size_t count, size_t from, size_t until,
                                    struct tensor *tensor);

/* As arena_reserve_during(), for count elements that are stored as `stored` says. */
enum vggcl_err arena_reserve_activation(struct arena *a, const char *name, size_t count, enum stored stored,
                                        size_t from, size_t until, struct tensor *tensor);

/* Marks a position in the list of requests. In each block, tensors that were reserved before this call with
 * arena_reserve() lie before those reserved after it; arena_block.marked_words is the boundary. */
void arena_mark(struct arena *a);

/* Assigns every request a block and an offset for device d, by first fit in the order of the requests. *bytes is the
 * size of all blocks, which arena_commit() will allocate. Equal requests on devices of equal alignment and largest
 * allocation get equal layouts. VGGCL_ENOMEM if a tensor is larger than the device's largest allocation, or has 2^31
 * elements or more (kernels index with 32 bits). */
enum vggcl_err arena_plan(struct arena *a, const struct dev *d, size_t *bytes);

/* Plans, allocates the blocks, fills them with zeros and sets the reserved tensors. VGGCL_ENOMEM, with the number of
 * bytes requested, if the device has too little memory. */
enum vggcl_err arena_commit(struct arena *a, struct dev *d);

/* A whole block as one tensor, so that an elementwise kernel on all tensors of an arena needs one launch per block. The
 * arena owns it. */
struct tensor arena_block_tensor(const struct arena *a, size_t block);

/* Frees the blocks and clears the reserved tensors; the arena can be used again. */
void arena_free(struct arena *a);

#endif
