/* How rows are split into slabs for sums over channels. test_op_check tests the sums themselves. */
#include "common.h"

#include "ops/channel.h"

/* The slabs cover the rows, none of them is empty; they stay few until they are as long as they may be; and there is
 * memory for those of fewer rows. */
static void slabs_of(bool simt, size_t few) {
    const struct dev dev = {.simt = simt}, *d = &dev;
    for (size_t rows = 1; rows < 2000000; rows += rows < 10000 ? 1 : 997) {
        size_t each = channel_slab_rows(d, rows), count = channel_slabs(d, rows);
        assert_true((count - 1) * each < rows && rows <= count * each);
        assert_true(count <= few || each == 2048);
        assert_true(count <= channel_workspace(d, rows, 1));
        assert_true(channel_workspace(d, rows, 1) <= channel_workspace(d, rows + 1, 1));
    }
}

static void slabs(void **state) {
    (void)state;
    slabs_of(false, 256);
    slabs_of(true, 2048);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slabs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
