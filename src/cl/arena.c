#include "cl/arena.h"

#include <stdlib.h>
#include <string.h>

struct arena_request {
    const char *name;
    struct tensor *tensor;
    size_t words;         /* asked for */
    size_t block, offset; /* where, in words, after arena_plan */
};

enum vggcl_err arena_reserve(struct arena *a, const char *name, size_t count, struct tensor *tensor) {
    if (a->request_count == a->request_room) {
        size_t room = a->request_room ? 2 * a->request_room : 64;
        struct arena_request *grown = realloc(a->requests, room * sizeof *grown);
        if (!grown)
            return err_no_memory("the memory plan", room * sizeof *grown);
        a->requests = grown;
        a->request_room = room;
    }
    *tensor = (struct tensor){NULL, 0};
    a->requests[a->request_count++] =
        (struct arena_request){.name = name, .tensor = tensor, .words = count ? count : 1};
    return VGGCL_OK;
}

static enum vggcl_err add_block(struct arena *a) {
    struct arena_block *grown = realloc(a->blocks, (a->block_count + 1) * sizeof *grown);
    if (!grown)
        return err_no_memory("the memory plan", (a->block_count + 1) * sizeof *grown);
    a->blocks = grown;
    a->blocks[a->block_count++] = (struct arena_block){NULL, 0};
    return VGGCL_OK;
}

enum vggcl_err arena_plan(struct arena *a, const struct dev *d, size_t *bytes) {
    size_t step = d->alignment / 4, limit = d->info.largest_allocation / d->alignment * step;
    a->block_count = 0;
    for (size_t i = 0; i < a->request_count; i++) {
        struct arena_request *r = &a->requests[i];
        if (r->words > limit || r->words >= (size_t)1 << 31)
            return err_set(VGGCL_ENOMEM, "%s needs %zu bytes in one piece; %s gives at most %zu: use a smaller --batch",
                           r->name, 4 * r->words, d->info.name, 4 * limit);
        size_t words = (r->words + step - 1) / step * step;
        if (!a->block_count || a->blocks[a->block_count - 1].words + words > limit)
            TRY(add_block(a));
        struct arena_block *block = &a->blocks[a->block_count - 1];
        r->block = a->block_count - 1;
        r->offset = block->words;
        block->words += words;
    }
    *bytes = 0;
    for (size_t i = 0; i < a->block_count; i++)
        *bytes += 4 * a->blocks[i].words;
    return VGGCL_OK;
}

enum vggcl_err arena_commit(struct arena *a, struct dev *d) {
    size_t bytes;
    cl_int code;
    TRY(arena_plan(a, d, &bytes));
    for (size_t i = 0; i < a->block_count; i++) {
        struct arena_block *block = &a->blocks[i];
        block->mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE, 4 * block->words, NULL, &code);
        if (code != CL_SUCCESS)
            return err_set(VGGCL_ENOMEM, "%zu bytes of device memory on %s: %s (%d); use a smaller --batch", bytes,
                           d->info.name, cl_error_name(code), code);
        TRY(dev_fill(d, arena_block_tensor(a, i), 0, block->words, 0));
    }
    for (size_t i = 0; i < a->request_count; i++) {
        struct arena_request *r = &a->requests[i];
        cl_buffer_region region = {4 * r->offset, 4 * r->words};
        r->tensor->mem =
            clCreateSubBuffer(a->blocks[r->block].mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
        if (code != CL_SUCCESS)
            return dev_fail(d, code, r->name);
        r->tensor->count = r->words;
    }
    return VGGCL_OK;
}

struct tensor arena_block_tensor(const struct arena *a, size_t block) {
    return (struct tensor){a->blocks[block].mem, a->blocks[block].words};
}

void arena_free(struct arena *a) {
    for (size_t i = 0; i < a->request_count; i++) {
        if (a->requests[i].tensor->mem)
            clReleaseMemObject(a->requests[i].tensor->mem);
        *a->requests[i].tensor = (struct tensor){NULL, 0};
    }
    for (size_t i = 0; i < a->block_count; i++)
        if (a->blocks[i].mem)
            clReleaseMemObject(a->blocks[i].mem);
    free(a->requests);
    free(a->blocks);
    memset(a, 0, sizeof *a);
}
