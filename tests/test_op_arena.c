/* Arenas, which place many tensors in few allocations: offsets, and errors if tensors do not fit. */
#include "common.h"

#include "cl/arena.h"

#include <string.h>

enum { TENSORS = 40 };

static size_t words_of(size_t i) {
    return i * i * 7 % 500 + 1;
}

static size_t offset_of(struct tensor t) {
    size_t offset = SIZE_MAX;
    assert_int_equal(clGetMemObjectInfo(t.mem, CL_MEM_OFFSET, sizeof offset, &offset, NULL), CL_SUCCESS);
    return offset;
}

static cl_mem block_of(struct tensor t) {
    cl_mem block = NULL;
    assert_int_equal(clGetMemObjectInfo(t.mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof block, &block, NULL), CL_SUCCESS);
    return block;
}

/* Fills each tensor with its number and sees that none changed another's. */
static void write_and_read(const struct tensor *tensors, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t *words = zeros(4 * tensors[i].count);
        for (size_t k = 0; k < tensors[i].count; k++)
            words[k] = (uint32_t)i;
        CHECK(dev_write(device, tensors[i], 0, tensors[i].count, words));
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t *words = download(tensors[i]);
        for (size_t k = 0; k < tensors[i].count; k++)
            assert_int_equal(words[k], i);
    }
}

/* Lays TENSORS tensors out under a largest allocation of limit bytes; the answer is the number of blocks. */
static size_t lay_out(uint64_t limit) {
    struct arena a = {0};
    struct tensor tensors[TENSORS] = {{0}};
    size_t planned = 0, total = 0;
    uint64_t real_limit = device->info.largest_allocation;
    for (size_t i = 0; i < TENSORS; i++)
        CHECK(arena_reserve(&a, "a tensor", words_of(i), &tensors[i]));
    device->info.largest_allocation = limit;
    enum vggcl_err err = arena_plan(&a, device, &planned);
    if (err == VGGCL_OK)
        err = arena_commit(&a, device);
    device->info.largest_allocation = real_limit;
    CHECK(err);

    for (size_t i = 0; i < a.block_count; i++) {
        assert_true(4 * a.blocks[i].words <= limit);
        total += 4 * a.blocks[i].words;
        const uint32_t *words = download(arena_block_tensor(&a, i));
        for (size_t k = 0; k < a.blocks[i].words; k++)
            assert_int_equal(words[k], 0);
    }
    assert_int_equal(total, planned);
    for (size_t i = 0; i < TENSORS; i++) {
        assert_int_equal(tensors[i].count, words_of(i));
        assert_int_equal(offset_of(tensors[i]) % device->alignment, 0);
    }
    write_and_read(tensors, TENSORS);
    size_t blocks = a.block_count;
    arena_free(&a);
    for (size_t i = 0; i < TENSORS; i++)
        assert_true(!tensors[i].mem && !tensors[i].count);
    return blocks;
}

static void one_block(void **state) {
    (void)state;
    assert_int_equal(lay_out(1 << 20), 1);
}

static void several_blocks(void **state) {
    (void)state;
    assert_in_range(lay_out(4096), 5, TENSORS - 1);
}

/* A limit that is no multiple of the alignment still holds for what is rounded up to it. */
static void crooked_limit(void **state) {
    (void)state;
    assert_in_range(lay_out(4096 + 4), 5, TENSORS - 1);
}

/* Consecutive reservations lie in their order, in one block while they fit. */
static void in_order(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor t[3] = {{0}};
    for (int i = 0; i < 3; i++)
        CHECK(arena_reserve(&a, "a tensor", 3, &t[i]));
    CHECK(arena_commit(&a, device));
    assert_true(offset_of(t[0]) < offset_of(t[1]) && offset_of(t[1]) < offset_of(t[2]));
    assert_ptr_equal(block_of(t[0]), block_of(t[2]));
    assert_ptr_equal(block_of(t[0]), a.blocks[0].mem);
    arena_free(&a);
}

/* Whether two tensors have words in common. */
static bool overlap(struct tensor a, struct tensor b) {
    return block_of(a) == block_of(b) && offset_of(a) < offset_of(b) + 4 * b.count &&
           offset_of(b) < offset_of(a) + 4 * a.count;
}

/* A chain in which each tensor is needed until the next one is made takes no more than two at a time. */
static void turn_about(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor t[9] = {{0}};
    size_t bytes, two = 2 * device->alignment;
    for (size_t i = 0; i < 9; i++)
        CHECK(arena_reserve_during(&a, "a link", 1, i, i + 1, &t[i]));
    CHECK(arena_plan(&a, device, &bytes));
    assert_int_equal(bytes, two);
    CHECK(arena_commit(&a, device));
    for (int i = 0; i + 1 < 9; i++)
        assert_false(overlap(t[i], t[i + 1]));
    arena_free(&a);
}

/* Random sizes and times, in one block and in several: what is needed at one time lies apart. */
static void lifetimes(void **state) {
    (void)state;
    uint64_t real_limit = device->info.largest_allocation;
    const uint64_t limits[] = {1 << 20, 4096};
    for (int pass = 0; pass < 2; pass++) {
        struct arena a = {0};
        struct tensor t[TENSORS] = {{0}};
        size_t from[TENSORS], until[TENSORS], bytes, total = 0;
        for (size_t i = 0; i < TENSORS; i++) {
            from[i] = i * i * 31 % 50;
            until[i] = from[i] + i * 17 % 9;
            total += (4 * words_of(i) + device->alignment - 1) / device->alignment * device->alignment;
            CHECK(arena_reserve_during(&a, "a tensor", words_of(i), from[i], until[i], &t[i]));
        }
        device->info.largest_allocation = limits[pass];
        enum vggcl_err err = arena_plan(&a, device, &bytes);
        if (err == VGGCL_OK)
            err = arena_commit(&a, device);
        device->info.largest_allocation = real_limit;
        CHECK(err);
        assert_true(bytes < total / 2);
        for (size_t i = 0; i < TENSORS; i++)
            for (size_t k = 0; k < i; k++)
                assert_false(from[i] <= until[k] && from[k] <= until[i] && overlap(t[i], t[k]));
        arena_free(&a);
    }
}

/* What buffers take is counted, and how much it has been at most. */
static void counted(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor t = {0}, scratch = {0};
    size_t before = device->bytes, planned;
    CHECK(arena_reserve(&a, "a tensor", 5, &t));
    CHECK(arena_plan(&a, device, &planned));
    assert_int_equal(device->bytes, before);
    CHECK(arena_commit(&a, device));
    assert_int_equal(device->bytes, before + planned);
    CHECK(dev_grow(device, &scratch, 1000));
    CHECK(dev_grow(device, &scratch, 100));
    assert_int_equal(device->bytes, before + planned + 4000);
    CHECK(dev_grow(device, &scratch, 2000));
    assert_int_equal(device->bytes, before + planned + 8000);
    dev_drop(device, &scratch);
    arena_free(&a);
    assert_int_equal(device->bytes, before);
    assert_true(device->peak_bytes >= before + planned + 8000);
}

static void empty(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor t = {0};
    size_t bytes = 1;
    CHECK(arena_plan(&a, device, &bytes));
    assert_int_equal(bytes, 0);
    CHECK(arena_commit(&a, device));
    arena_free(&a);
    CHECK(arena_reserve(&a, "nothing", 0, &t)); /* a freed arena is an empty one; no tensor is without memory */
    CHECK(arena_commit(&a, device));
    assert_non_null(t.mem);
    arena_free(&a);
}

static void too_large(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor small = {0}, large = {0};
    size_t bytes;
    uint64_t real_limit = device->info.largest_allocation;
    CHECK(arena_reserve(&a, "a small tensor", 10, &small));
    CHECK(arena_reserve(&a, "a large tensor", 1025, &large));
    device->info.largest_allocation = 4096 + 4; /* as good as 4096: a tensor takes whole units of the alignment */
    enum vggcl_err planned = arena_plan(&a, device, &bytes);
    CHECK_FAILS(planned, VGGCL_ENOMEM, "a large tensor", "4100", "4096", device->info.name, "a smaller batch");
    enum vggcl_err committed = arena_commit(&a, device);
    device->info.largest_allocation = real_limit;
    CHECK_FAILS(committed, VGGCL_ENOMEM, "a large tensor");
    arena_free(&a);
    assert_null(small.mem);
}

/* Kernels index with 32-bit integers, however much the device would give. */
static void too_large_to_index(void **state) {
    (void)state;
    struct arena a = {0};
    struct tensor t = {0};
    size_t bytes;
    uint64_t real_limit = device->info.largest_allocation;
    CHECK(arena_reserve(&a, "a huge tensor", (size_t)1 << 31, &t));
    device->info.largest_allocation = (uint64_t)1 << 40;
    enum vggcl_err planned = arena_plan(&a, device, &bytes);
    device->info.largest_allocation = real_limit;
    CHECK_FAILS(planned, VGGCL_ENOMEM, "a huge tensor");
    arena_free(&a);
}

/* Memory that the device does not have. Oclgrind does not refuse: it ends the program with an exception. */
static void no_memory(void **state) {
    (void)state;
    if (interpreted())
        skip();
    enum { PIECES = 64 };
    struct arena a = {0};
    struct tensor t[PIECES] = {{0}};
    uint64_t real_limit = device->info.largest_allocation;
    for (int i = 0; i < PIECES; i++)
        CHECK(arena_reserve(&a, "a piece", ((size_t)1 << 31) - 1024, &t[i]));
    device->info.largest_allocation = (uint64_t)1 << 40; /* so that it is asked for them all at once: 512 GiB */
    enum vggcl_err committed = arena_commit(&a, device);
    device->info.largest_allocation = real_limit;
    CHECK_FAILS(committed, VGGCL_ENOMEM, device->info.name, "a smaller batch");
    arena_free(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(one_block),     DEVICE_TEST(several_blocks),
        DEVICE_TEST(crooked_limit), DEVICE_TEST(in_order),
        DEVICE_TEST(empty),         DEVICE_TEST(too_large),
        DEVICE_TEST(no_memory),     DEVICE_TEST(too_large_to_index),
        DEVICE_TEST(turn_about),    DEVICE_TEST(lifetimes),
        DEVICE_TEST(counted),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
