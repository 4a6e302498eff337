/* What is done along the channels: a bias for every row, and sums over the rows. */
#include "common.h"
#include "reference.h"

#include "ops/channel.h"

static const struct {
    size_t rows, c;
} shapes[] = {{1, 1}, {1, 16}, {7, 3}, {15, 10}, {16, 127}, {17, 48}, {65, 64}, {127, 13}, {5000, 2}, {4097, 16}};
#define FOR_EACH_SHAPE(rows, c)                                                                                        \
    for (size_t i = 0, rows, c; i < sizeof shapes / sizeof *shapes && (rows = shapes[i].rows, c = shapes[i].c, 1); i++)

static void broadcast(void **state) {
    (void)state;
    FOR_EACH_SHAPE(rows, c) {
        float *bias = random_floats(c, -1, 1);
        struct exact expected = exact_zeros(rows * c);
        for (size_t k = 0; k < rows * c; k++)
            expected.value[k] = bias[k % c];
        struct tensor y = poisoned(rows * c);
        CHECK(channel_broadcast(device, rows, c, upload(c, bias), y));
        COMPARE(text("%zu rows of %zu", rows, c), y, expected, 0);
    }
}

static void sum(void **state) {
    (void)state;
    FOR_EACH_SHAPE(rows, c) {
        float *x = random_floats(rows * c, -1, 1);
        struct tensor total = poisoned(c), workspace = poisoned(channel_workspace(rows, c));
        CHECK(channel_sum(device, rows, c, upload(rows * c, x), total, workspace));
        COMPARE(text("%zu rows of %zu", rows, c), total, expected_column_sum(rows, c, x),
                channel_slab_rows(rows) + channel_slabs(rows));
    }
}

/* The slabs cover the rows, none of them is empty, and they stay few. */
static void slabs(void **state) {
    (void)state;
    for (size_t rows = 1; rows < 10000; rows++) {
        size_t each = channel_slab_rows(rows), count = channel_slabs(rows);
        assert_true((count - 1) * each < rows && rows <= count * each);
        assert_true(count <= 256);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(broadcast), DEVICE_TEST(sum), DEVICE_TEST(slabs)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
