/* arena.h - many tensors in few allocations: every size is reserved first, so what they need together is known before
 * any memory is taken; then one commit allocates and hands out views. */
#ifndef VGGCL_CL_ARENA_H
#define VGGCL_CL_ARENA_H

#include "cl/device.h"

struct arena_block {
    cl_mem mem;
    size_t words;
    size_t marked_words; /* behind these are only requests made after arena_mark() */
};

struct arena {
    struct dev *dev; /* of the blocks, once they are allocated */
    struct arena_request *requests;
    size_t request_count, request_room, marked_count;
    struct arena_block *blocks; /* none larger than the device's largest allocation */
    size_t block_count;
};

/* Promises *tensor count words (at least one), aligned as the device wants; *tensor is filled in by arena_commit,
 * emptied by arena_free, and must stay where it is until then. name is for error texts and must outlive the commit. */
enum vggcl_err arena_reserve(struct arena *a, const char *name, size_t count, struct tensor *tensor);

/* The same for a tensor that is needed only in steps from..until (both included) of some sequence: it may share its
 * memory with tensors that are needed at other steps, so what it holds outside of its own is undefined. */
enum vggcl_err arena_reserve_during(struct arena *a, const char *name, size_t count, size_t from, size_t until,
                                    struct tensor *tensor);

/* The same for count activations, 16-bit floats where half is set. */
enum vggcl_err arena_reserve_activation(struct arena *a, const char *name, size_t count, bool half, size_t from,
                                        size_t until, struct tensor *tensor);

/* Of what is needed throughout, what was reserved before this call comes in each block before what is afterwards. */
void arena_mark(struct arena *a);

/* Lays the requests out in blocks for d, each in its turn where it first fits: *bytes is what the commit will allocate.
 * Arenas with equal requests get equal layouts. VGGCL_ENOMEM where one tensor is larger than the device's largest
 * allocation, or holds 2^31 elements or more (kernels index with 32 bits). */
enum vggcl_err arena_plan(struct arena *a, const struct dev *d, size_t *bytes);

/* Allocates the blocks, fills them with zeros and makes the views. VGGCL_ENOMEM, saying how much was asked for. */
enum vggcl_err arena_commit(struct arena *a, struct dev *d);

/* A block as one tensor: what is done elementwise to every tensor of an arena takes one launch a block. */
struct tensor arena_block_tensor(const struct arena *a, size_t block);

void arena_free(struct arena *a);

#endif
