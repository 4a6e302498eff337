/* The kernels that measure a device's peaks do the stated number of operations, and no layer exceeds the peaks. */
#include "common.h"

#include "cl/matrix.h"
#include "measure/peaks.h"
#include "ops/peak.h"
#include "vggcl.h"

#include <math.h>
#include <string.h>

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

/* A buffer of words whose values are their indices, modulo a number that makes sums of them exact. */
enum { WORDS = 3 * PEAK_WORDS, MODULUS = 61 };
static struct tensor counted(void) {
    float *x = zeros(WORDS * sizeof *x);
    for (size_t i = 0; i < WORDS; i++)
        x[i] = (float)(i % MODULUS);
    return upload(WORDS, x);
}

static double move(enum peak_move move, bool stream, struct tensor buffer, struct tensor sum) {
    double bytes;
    CHECK(peak_move(device, move, stream, WORDS, buffer, sum, &bytes));
    return bytes;
}

static void all_words_are_moved(void **state) {
    (void)state;
    const struct tensor none = {0};
    for (int stream = 0; stream < 2; stream++) {
        struct tensor copied = counted(), written = poisoned(WORDS);
        assert_true(move(PEAK_COPY, stream, copied, none) == 4.0 * WORDS); /* half of it read, half of it written */
        assert_true(move(PEAK_WRITE, stream, written, none) == 4.0 * WORDS);
        const float *copies = download(copied), *ones = download(written);
        for (size_t i = 0; i < WORDS; i++) {
            assert_true(copies[i] == (float)(i % (WORDS / 2) % MODULUS));
            assert_true(ones[i] == 1);
        }
    }
}

static void all_words_are_read(void **state) {
    (void)state;
    size_t sums = peak_sum_words(device, peak_move_items(device, PEAK_READ, WORDS));
    struct tensor sum = poisoned(sums);
    double total = 0, expected = 0;
    assert_true(move(PEAK_READ, false, counted(), sum) == 4.0 * WORDS);
    const float *got = download(sum);
    for (size_t i = 0; i < sums; i++)
        total += got[i];
    for (size_t i = 0; i < WORDS; i++)
        expected += (double)(i % MODULUS);
    assert_true(total == expected);
}

/* A share of more than 1 is a wrong count, or a peak that another program disturbed. */
static bool is_within_bound(const struct vggcl_direction_time *t) {
    if (t->seconds <= 0)
        return t->reads <= 0 && t->bound_seconds <= 0;
    assert_true(t->bound_seconds > 0);
    return t->bound_seconds <= 1.1 * t->seconds;
}

static bool are_within_bounds(const struct vggcl_benchmark *b) {
    bool within = b->train.median <= 1.1 * b->train_bound && b->eval.median <= 1.1 * b->eval_bound;
    for (const struct vggcl_layer_time *l = b->layers; l < b->layers + b->layer_count; l++)
        within = is_within_bound(&l->forward) && is_within_bound(&l->data_gradient) &&
                 is_within_bound(&l->weight_gradient) && within;
    return within;
}

static void assert_peaks(const struct vggcl_peaks *peaks) {
    assert_true(peaks->multiply_adds > 0);
    for (size_t i = 0; i < VGGCL_MEMORY_PEAKS; i++) {
        const struct vggcl_memory_peak *m = &peaks->memory[i], *larger = m + 1;
        assert_true(m->bytes > 0 && m->reads > 0 && m->writes > 0 && m->copies > 0);
        if (i + 1 < VGGCL_MEMORY_PEAKS)
            assert_true(m->bytes <= larger->bytes && m->reads >= larger->reads && m->writes >= larger->writes &&
                        m->copies >= larger->copies);
    }
}

static void peaks_are_measured(void **state) {
    (void)state;
    struct vggcl_peaks peaks = {0};
    if (interpreted())
        skip();
    CHECK(peaks_measure(device, &peaks));
    assert_peaks(&peaks);
    assert_int_equal(peaks.matrix_products > 0, device->matrix != NULL);
    assert_string_equal(peaks.matrix, device->matrix ? device->matrix->name : "");
}

/* The bound of an operator on a device of 100 operations per second, 400 of matrix instructions, that reads 20, writes
 * 10 and copies 30 bytes per second, or ten times as much where a buffer is smaller than 1000 bytes. */
static void assert_bound(struct vggcl_direction_time t, double bytes, enum vggcl_bound bound, double seconds) {
    static const struct vggcl_peaks peaks = {
        .multiply_adds = 100,
        .matrix_products = 400,
        .memory = {{10, 200, 100, 300}, {100, 200, 100, 300}, {1000, 20, 10, 30}, {10000, 20, 10, 30}}};
    peaks_bound(&peaks, bytes, &t);
    assert_int_equal(t.bound, bound);
    assert_float_equal(t.bound_seconds, seconds, 1e-9);
}

static void bounds(void **state) {
    (void)state;
    struct vggcl_direction_time t = {.operations = 800, .reads = 60, .writes = 30};
    assert_bound(t, 2000, VGGCL_ARITHMETIC, 8);
    t.matrix = true;
    assert_bound(t, 2000, VGGCL_MEMORY, 60 / 30.0 + 30 / 20.0); /* 30 are copied, 30 more are read */
    assert_bound(t, 1000, VGGCL_MEMORY, 3.5);
    assert_bound(t, 999, VGGCL_ARITHMETIC, 2);
    assert_bound(t, 1, VGGCL_ARITHMETIC, 2);
    assert_bound((struct vggcl_direction_time){.writes = 30}, 1e6, VGGCL_MEMORY, 3);
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
    bool within = false;
    for (int late = 0; late < 2; late++) {
        CHECK(vggcl_bench(&config, 9, late ? 0 : INFINITY, &b));
        assert_true(b.train.least > 0 && b.eval.least > 0);
        assert_true((b.train.least == b.train.largest) == late && (b.eval.least == b.eval.largest) == late);
        for (size_t i = 0; i < b.layer_count; i++)
            assert_true(b.layers[i].forward.seconds > 0 || strcmp(b.layers[i].type, "flatten") == 0);
        assert_peaks(&b.peaks);
        within = within || are_within_bounds(&b);
        vggcl_benchmark_free(&b);
    }
    assert_true(within);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(multiply_adds_are_all_done), DEVICE_TEST(all_words_are_moved),
                                       DEVICE_TEST(all_words_are_read),         DEVICE_TEST(peaks_are_measured),
                                       BF16_TEST(peaks_are_measured),           cmocka_unit_test(bounds),
                                       DEVICE_TEST(late_steps_are_timed_once)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
