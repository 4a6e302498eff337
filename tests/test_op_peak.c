/* The kernels that measure a device's peak do the stated number of operations. */
#include "common.h"

#include "ops/peak.h"
#include "vggcl.h"

#include <math.h>

/* Chain k of work-item i begins at i + k, and each multiply-add adds 1: the twelve chains' sum counts them exactly. */
static void multiply_adds_are_all_done(void **state) {
    (void)state;
    enum { ITEMS = 64, ROUNDS = 100 };
    size_t words = peak_sum_words(device, ITEMS), lanes = words / ITEMS;
    struct tensor sum = poisoned(words);
    double flops;
    CHECK(peak_multiply_add(device, ITEMS, ROUNDS, sum, &flops));
    assert_true(flops == 2.0 * 12 * ROUNDS * (double)words);
    const float *got = download(sum);
    for (size_t i = 0; i < words; i++)
        assert_true(got[i] == 12 * (i / lanes + ROUNDS) + 66);
}

static void copy_copies(void **state) {
    (void)state;
    enum { N = 16 * 67 };
    float *x = random_floats(N, -1, 1);
    struct tensor to = poisoned(N);
    CHECK(peak_copy(device, N, upload(N, x), to));
    assert_memory_equal(download(to), x, N * sizeof *x);
}

static void late_steps_are_timed_once(void **state) {
    (void)state;
    struct vggcl_config config;
    struct vggcl_benchmark b;
    if (interpreted())
        skip(); /* its network is a whole one */
    vggcl_config_init(&config);
    CHECK(vggcl_config_set(&config, "model", "vgg11"));
    CHECK(vggcl_config_set(&config, "width", "0.0625"));
    CHECK(vggcl_config_set(&config, "batch", "2"));
    for (int late = 0; late < 2; late++) {
        CHECK(vggcl_bench(&config, 9, late ? 0 : INFINITY, &b));
        assert_true(b.train.least > 0 && b.eval.least > 0);
        assert_true((b.train.least == b.train.largest) == late && (b.eval.least == b.eval.largest) == late);
        for (size_t i = 0; i < b.layer_count; i++)
            assert_true(b.layers[i].forward > 0);
        vggcl_benchmark_free(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(multiply_adds_are_all_done), DEVICE_TEST(copy_copies),
                                       DEVICE_TEST(late_steps_are_timed_once)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
