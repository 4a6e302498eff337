/* The kernels that measure a device do what they say. */
#include "common.h"

#include "ops/peak.h"

/* sum = sum / 2 + 1 / 2 leads to 1 from everywhere, in each of the twelve chains. */
static void multiply_add_converges(void **state) {
    (void)state;
    enum { ITEMS = 64, ROUNDS = 100 };
    size_t words = peak_sum_words(device, ITEMS);
    struct tensor sum = poisoned(words);
    double flops;
    CHECK(peak_multiply_add(device, ITEMS, ROUNDS, sum, &flops));
    assert_true(flops == 2.0 * 12 * ROUNDS * (double)words);
    const float *got = download(sum);
    for (size_t i = 0; i < words; i++)
        assert_true(got[i] == 12);
}

static void copy_copies(void **state) {
    (void)state;
    enum { N = 16 * 67 };
    float *x = random_floats(N, -1, 1);
    struct tensor to = poisoned(N);
    CHECK(peak_copy(device, N, upload(N, x), to));
    assert_memory_equal(download(to), x, N * sizeof *x);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(multiply_add_converges), DEVICE_TEST(copy_copies)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
