/* The kernel that measures the peak of matrix instructions does the stated number of operations. */
#include "common.h"

#include "ops/peak_matrix.h"

/* Numbers of 1, two of bfloat16 in a word or one of tf32: each sum counts the products. */
static void matrix_products_are_all_done(void **state) {
    (void)state;
    enum { BLOCKS = 5, ROUNDS = 3, ONES = 0x3F803F80, ONE = 0x3F800000 };
    double flops;
    if (!device->matrix)
        skip();
    size_t words = peak_matrix_operands(device), sums = BLOCKS * peak_matrix_sums(device);
    uint32_t *ones = zeros(words * sizeof *ones);
    for (size_t i = 0; i < words; i++)
        ones[i] = context->stored == STORED_FLOAT ? ONE : ONES;
    struct tensor sum = poisoned(sums);
    CHECK(peak_matrix(device, BLOCKS, ROUNDS, upload(words, ones), sum, &flops));
    assert_true(flops == 2.0 * PEAK_DEPTH * ROUNDS * (double)sums);
    const float *got = download(sum);
    for (size_t i = 0; i < sums; i++)
        assert_true(got[i] == PEAK_DEPTH * ROUNDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BF16_TEST(matrix_products_are_all_done), PLAIN_TEST(matrix_products_are_all_done),
        LANES_TEST(matrix_products_are_all_done), TF32_TEST(matrix_products_are_all_done)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
