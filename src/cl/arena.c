#include "cl/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct arena_request {
    const char *name;
    struct tensor *tensor;
    size_t count, words;  /* requested: elements, and their size in 4-byte words */
    size_t from, until;   /* first and last step at which it is needed */
    size_t block, offset; /* position, in words, set by arena_plan() */
    size_t room;          /* words, rounded up to a multiple of the alignment */
};

enum vggcl_err arena_reserve_activation(struct arena *a, const char *name, size_t count, enum stored stored,
                                        size_t from, size_t until, struct tensor *tensor) {
    count = count ? count : 1;
    if (a->request_count == a->request_room) {
        size_t room = a->request_room ? 2 * a->request_room : 64;
        struct arena_request *grown = realloc(a->requests, room * sizeof *grown);
        if (!grown)
            return err_no_memory("the memory plan", room * sizeof *grown);
        a->requests = grown;
        a->request_room = room;
    }
    *tensor = (struct tensor){.stored = stored};
    a->requests[a->request_count++] = (struct arena_request){.name = name,
                                                             .tensor = tensor,
                                                             .count = count,
                                                             .words = storage_words(count, stored),
                                                             .from = from,
                                                             .until = until};
    return VGGCL_OK;
}

enum vggcl_err arena_reserve_during(struct arena *a, const char *name, size_t count, size_t from, size_t until,
                                    struct tensor *tensor) {
    return arena_reserve_activation(a, name, count, STORED_FLOAT, from, until, tensor);
}

enum vggcl_err arena_reserve(struct arena *a, const char *name, size_t count, struct tensor *tensor) {
    return arena_reserve_during(a, name, count, 0, SIZE_MAX, tensor);
}

void arena_mark(struct arena *a) {
    a->marked_count = a->request_count;
}

static enum vggcl_err add_block(struct arena *a) {
    struct arena_block *grown = realloc(a->blocks, (a->block_count + 1) * sizeof *grown);
    if (!grown)
        return err_no_memory("the memory plan", (a->block_count + 1) * sizeof *grown);
    a->blocks = grown;
    a->blocks[a->block_count++] = (struct arena_block){0};
    return VGGCL_OK;
}

/* The requests placed so far, sorted by block and offset. */
struct placed {
    struct arena_request **requests;
    size_t count;
};

/* First fit: sets r->offset to the first gap of its block that is not used by a request needed at the same time, and
 * *at to r's index in the sorted list. Returns false if the block would become larger than limit words. */
static bool fits(struct arena_request *r, const struct placed *placed, size_t limit, size_t *at) {
    r->offset = 0;
    for (size_t i = 0; i < placed->count; i++) {
        const struct arena_request *other = placed->requests[i];
        if (other->block != r->block || other->until < r->from || r->until < other->from)
            continue;
        if (other->offset >= r->offset + r->room)
            break;
        if (r->offset < other->offset + other->room)
            r->offset = other->offset + other->room;
    }
    *at = 0;
    while (*at < placed->count &&
           (placed->requests[*at]->block < r->block ||
            (placed->requests[*at]->block == r->block && placed->requests[*at]->offset <= r->offset)))
        ++*at;
    return r->offset + r->room <= limit;
}

static enum vggcl_err place(struct arena *a, struct arena_request *r, struct placed *placed, size_t limit) {
    size_t at;
    for (r->block = 0; r->block < a->block_count && !fits(r, placed, limit, &at); r->block++)
        ;
    if (r->block == a->block_count) {
        TRY(add_block(a));
        fits(r, placed, limit, &at);
    }
    memmove(placed->requests + at + 1, placed->requests + at, (placed->count++ - at) * sizeof *placed->requests);
    placed->requests[at] = r;
    struct arena_block *block = &a->blocks[r->block];
    if (block->words < r->offset + r->room)
        block->words = r->offset + r->room;
    if (r < a->requests + a->marked_count)
        block->marked_words = block->words;
    return VGGCL_OK;
}

static double mebibytes(double bytes) {
    return bytes / (1 << 20);
}

/* The largest block in words; its bytes fit into size_t, also where that has 32 bits and the device has more memory. */
static size_t largest_block(const struct dev *d) {
    uint64_t largest = d->info.largest_allocation;
    return (size_t)(largest < SIZE_MAX ? largest : SIZE_MAX) / d->alignment * (d->alignment / 4);
}

/* Adds up the blocks' bytes. */
static enum vggcl_err sum_blocks(const struct arena *a, const struct dev *d, size_t *bytes) {
    uint64_t sum = 0;
    for (size_t i = 0; i < a->block_count; i++)
        sum += 4 * (uint64_t)a->blocks[i].words;
    *bytes = (size_t)sum;
    if (*bytes == sum)
        return VGGCL_OK;
    return err_set(
        VGGCL_ENOMEM,
        "%llu bytes of device memory on %s are more than a 32-bit program can address; set mem-limit, or use "
        "a smaller batch",
        (unsigned long long)sum, d->info.name);
}

enum vggcl_err arena_plan(struct arena *a, const struct dev *d, size_t *bytes) {
    enum vggcl_err err = VGGCL_OK;
    size_t step = d->alignment / 4, limit = largest_block(d);
    struct placed placed = {.requests = malloc((a->request_count + 1) * sizeof *placed.requests)};
    if (!placed.requests)
        return err_no_memory("the memory plan", (a->request_count + 1) * sizeof *placed.requests);
    a->block_count = 0;
    for (struct arena_request *r = a->requests; r < a->requests + a->request_count; r++) {
        if (r->words > limit || r->count >= (size_t)1 << 31) {
            err = err_set(
                VGGCL_ENOMEM,
                "%s needs %llu bytes (%.1f MiB) of device memory in one piece, but %s allows at most %zu; use a "
                "smaller batch, set mem-limit to %.0fM, which splits batches, or set storage to half",
                r->name, 4ULL * r->words, mebibytes(4.0 * (double)r->words), d->info.name, 4 * limit,
                fmax(1, floor(mebibytes(4.0 * (double)limit))));
            goto done;
        }
        r->room = (r->words + step - 1) / step * step;
        TRY_GOTO(place(a, r, &placed, limit), done);
    }
    err = sum_blocks(a, d, bytes);
done:
    free(placed.requests);
    return err;
}

enum vggcl_err arena_commit(struct arena *a, struct dev *d) {
    size_t bytes;
    cl_int code;
    TRY(arena_plan(a, d, &bytes));
    a->dev = d;
    for (size_t i = 0; i < a->block_count; i++) {
        struct arena_block *block = &a->blocks[i];
        code = dev_allocate(d, block->words, &block->mem);
        if (code != CL_SUCCESS)
            return err_set(
                VGGCL_ENOMEM,
                "%s does not have %.1f MiB of free memory (%s (%d)); it has %.1f MiB in all, which other programs "
                "use too: use a smaller batch, set mem-limit to less, such as %.0fM, or set storage to half",
                d->info.name, mebibytes((double)bytes), cl_error_name(code), code, mebibytes((double)d->info.memory),
                fmax(1, floor(mebibytes(0.75 * (double)bytes))));
        TRY(dev_fill(d, arena_block_tensor(a, i), 0, block->words, 0));
    }
    for (size_t i = 0; i < a->request_count; i++) {
        struct arena_request *r = &a->requests[i];
        cl_buffer_region region = {4 * r->offset, 4 * r->words};
        r->tensor->mem =
            clCreateSubBuffer(a->blocks[r->block].mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
        if (code != CL_SUCCESS)
            return dev_fail(d, code, r->name);
        r->tensor->count = r->count;
    }
    return VGGCL_OK;
}

struct tensor arena_block_tensor(const struct arena *a, size_t block) {
    return (struct tensor){a->blocks[block].mem, a->blocks[block].words, false};
}

/* Releases sub-buffers in reverse order of creation: NVIDIA's driver (580.159) crashes if overlapping sub-buffers are
 * released in the order of their creation. */
void arena_free(struct arena *a) {
    for (size_t i = a->request_count; i-- > 0;) {
        if (a->requests[i].tensor->mem)
            clReleaseMemObject(a->requests[i].tensor->mem);
        *a->requests[i].tensor = (struct tensor){0};
    }
    for (size_t i = 0; i < a->block_count; i++)
        dev_free(a->dev, a->blocks[i].mem, a->blocks[i].words);
    free(a->requests);
    free(a->blocks);
    memset(a, 0, sizeof *a);
}
