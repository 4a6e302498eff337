/* How rows are cut into slabs to be summed; test_op_check sees that the sums are right. */
#include "common.h"

#include "ops/channel.h"

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
    const struct CMUnitTest tests[] = {cmocka_unit_test(slabs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
