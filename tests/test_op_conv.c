/* What the convolutions' table of checks does not say: which algorithm is chosen, chunks, and the same bits every time.
 * That they compute right is seen by test_op_check. */
#include "common.h"

#include "ops/conv.h"
#include "ops/direct.h"
#include "ops/winograd.h"

#include <math.h>
#include <string.h>

#define FOR_EACH_ALGORITHM(a)                                                                                          \
    for (int a##_ = 0; conv_algorithms[a##_]; a##_++)                                                                  \
        for (const struct conv_algorithm *a = conv_algorithms[a##_]; a; a = NULL)

/* The scratch memory of all images at once is a multiple of one's, unless they are done in chunks. */
static void several_chunks(void **state) {
    (void)state;
    const struct conv_shape all = {17, 32, 32, 64, 8}, one = {1, 32, 32, 64, 8}; /* all: test_op_check runs it */
    if (device->info.type != VGGCL_CPU)
        skip(); /* chunks of other devices are too large for a test */
    FOR_EACH_ALGORITHM(a) {
        struct conv_method m = {a, gemm_engine(device)};
        size_t chunk = conv_scratch_words(m, device, all, CONV_FORWARD).input /
                       conv_scratch_words(m, device, one, CONV_FORWARD).input;
        assert_in_range(chunk, 2, all.n - 1);
        assert_int_not_equal(all.n % chunk, 0);
    }
    assert_int_equal(conv_chunk(device, all, SIZE_MAX, 0), 1);
    assert_int_equal(conv_chunk(device, all, 1, 0), all.n);
    size_t words = conv_words(device);
    assert_int_equal(conv_chunk(device, all, words, 3 * words), 3); /* no fewer than weigh as much as the weights */
    device->conv_words = words;
    assert_int_equal(conv_chunk(device, all, words, 3 * words), 1);
    device->conv_words = 0;
}

static void choice(void **state) {
    (void)state;
    const struct conv_shape first = {1, 32, 32, 3, 64};
    struct conv_method chosen[CONV_DIRECTIONS];
    FOR_EACH_ALGORITHM(a) {
        CHECK(conv_choose(device, first, a->name, chosen));
        for (int i = 0; i < CONV_DIRECTIONS; i++) {
            assert_ptr_equal(chosen[i].algorithm, a);
            assert_string_equal(conv_describe(chosen[i]).algorithm, a->name);
            assert_int_equal(chosen[i].engine, gemm_engine(device));
        }
    }
    CHECK(conv_choose(device, first, "auto", chosen));
    for (int i = 0; i < CONV_DIRECTIONS; i++)
        assert_ptr_equal(chosen[i].algorithm, &conv_direct);
    CHECK_FAILS(conv_choose(device, first, "fft", chosen), VGGCL_EUSAGE, "--conv", "im2col", "winograd2", "winograd4",
                "auto", "fft");
}

static void winograd_counts(void **state) {
    (void)state;
    assert_int_equal(winograd_points(WINOGRAD_LONE), 9);
    assert_int_equal(winograd_points(WINOGRAD_F2), 16);
    assert_int_equal(winograd_points(WINOGRAD_F4), 36);
    assert_int_equal(winograd_tiles(WINOGRAD_LONE, 2, 2), 1);
    assert_int_equal(winograd_tiles(WINOGRAD_F2, 5, 3), 6);
    assert_int_equal(winograd_tiles(WINOGRAD_F4, 8, 9), 6);
    assert_int_equal(winograd_tiles(WINOGRAD_F4, 1, 1), 1);
}

/* Exactly what the algorithm asked for: its guard words show where it asked for too little. */
static struct conv_scratch scratch(struct conv_method m, struct conv_shape s, enum conv_direction direction) {
    struct conv_scratch_words words = conv_scratch_words(m, device, s, direction);
    return (struct conv_scratch){poisoned(words.weight), poisoned(words.input), poisoned(words.output)};
}

static const float *forward(const struct conv_algorithm *a, struct conv_shape s, struct tensor x,
                            struct tensor weight) {
    struct tensor y = poisoned_stored(s.n * s.h * s.w * s.o), no_bias = {0}, no_partial = {0};
    struct conv_method m = {a, gemm_engine(device)};
    CHECK(conv_forward(m, device, s, x, weight, no_bias, y, no_partial, scratch(m, s, CONV_FORWARD)));
    return download(y);
}

/* Statistics are taken of whole tiles and runs of pixels alone; that they are right is seen by test_op_check. */
static void statistics(void **state) {
    (void)state;
    static const struct {
        const struct conv_algorithm *algorithm;
        struct conv_shape whole, ragged;
    } cases[] = {{&conv_direct, {9, 32, 32, 3, 64}, {9, 32, 31, 3, 64}},
                 {&conv_winograd4_fused, {9, 8, 8, 16, 16}, {9, 8, 6, 16, 16}},
                 {&conv_winograd4_sliced, {9, 8, 8, 16, 16}, {9, 6, 8, 16, 16}},
                 {&conv_winograd2_lone_sliced, {9, 2, 2, 16, 16}, {9, 3, 2, 16, 16}}};
    if (device->simt)
        skip(); /* whose direct convolution takes none */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct conv_method m = {cases[i].algorithm, gemm_engine(device)};
        if (!conv_can(m.algorithm, device, cases[i].whole, CONV_FORWARD))
            continue; /* too little local memory */
        assert_int_not_equal(conv_slabs(m, device, cases[i].whole), 0);
        assert_int_equal(conv_slabs(m, device, cases[i].ragged), 0);
    }
    assert_int_equal(conv_slabs((struct conv_method){&conv_im2col, gemm_engine(device)}, device, cases[0].whole), 0);
}

static void many_channels_are_left_to_im2col(void **state) {
    (void)state;
    const struct conv_shape s = {2, 5, 7, DIRECT_CHANNELS + 1, 16};
    size_t outputs = s.n * s.h * s.w * s.o, inputs = s.n * s.h * s.w * s.c, weights = 9 * s.c * s.o;
    struct tensor x = upload_stored(inputs, random_floats(inputs, -1, 1));
    struct tensor w = upload(weights, random_floats(weights, -1, 1));
    assert_memory_equal(forward(&conv_direct, s, x, w), forward(&conv_im2col, s, x, w), outputs * sizeof(float));
}

/* The slabs' sums do not depend on which is done first. */
static void direct_is_the_same_every_time(void **state) {
    (void)state;
    const struct conv_shape s =
        interpreted() ? (struct conv_shape){2, 9, 8, 3, 16} : (struct conv_shape){9, 32, 32, 3, 48};
    size_t inputs = s.n * s.h * s.w * s.c, outputs = s.n * s.h * s.w * s.o, weights = 9 * s.c * s.o;
    struct tensor x = upload_stored(inputs, random_floats(inputs, -1, 1));
    struct tensor dy = upload_stored(outputs, random_floats(outputs, -1, 1));
    const struct conv_method m = {&conv_direct, gemm_engine(device)};
    const float *got[2];
    assert_in_range(direct_slabs(device, s), 2, s.n * s.h);
    for (int i = 0; i < 2; i++) {
        struct tensor dweight = poisoned(weights);
        CHECK(conv_weight_gradient(m, device, s, x, dy, dweight, scratch(m, s, CONV_WEIGHT_GRADIENT)));
        got[i] = download(dweight);
    }
    assert_memory_equal(got[0], got[1], weights * sizeof(float));
}

/* As many pixels as a usual batch has, of which no work-item may take more than its loops go round (DEV_CPU_ROUNDS). */
static void long_sums(void **state) {
    (void)state;
    const struct conv_shape s = {128, 32, 32, 3, 64};
    size_t pixels = s.n * s.h * s.w, inputs = pixels * s.c, outputs = pixels * s.o, weights = 9 * s.c * s.o;
    const struct conv_method m = {&conv_direct, gemm_engine(device)};
    if (interpreted())
        skip(); /* minutes */
    float *x = random_floats(inputs, -1, 1), *dy = random_floats(outputs, -1, 1);
    struct tensor dweight = poisoned(weights);
    CHECK(conv_weight_gradient(m, device, s, upload(inputs, x), upload(outputs, dy), dweight,
                               scratch(m, s, CONV_WEIGHT_GRADIENT)));
    COMPARE("dweight", dweight, 4 * sqrt((double)pixels), i, reference_conv_weight_gradient(s, x, dy, i));
}

/* Every algorithm in each direction on 16-bit activations, on one small shape: the table of checks has more, but takes
 * an interpreter too long. The tolerance is the coarsest algorithm's (src/check/check.c). */
static void halves(void **state) {
    (void)state;
    const struct conv_shape s = {1, 3, 3, 16, 16};
    const double roundings = 256 * sqrt(9 * 16 + 32);
    size_t inputs = s.n * s.h * s.w * s.c, weights = 9 * s.c * s.o;
    float *x = stored(inputs, random_floats(inputs, -1, 1)), *w = random_floats(weights, -1, 1);
    float *dy = stored(inputs, random_floats(inputs, -1, 1)), *zero = zeros(s.o * sizeof *zero);
    struct tensor x_device = upload_stored(inputs, x), dy_device = upload_stored(inputs, dy);
    struct tensor w_device = upload(weights, w), no_bias = {0}, no_partial = {0};
    FOR_EACH_ALGORITHM(a) {
        if (interpreted() && a->alpha)
            continue; /* minutes */
        struct tensor y = poisoned_stored(inputs), dx = poisoned_stored(inputs), dweight = poisoned(weights);
        struct conv_method m = {a, gemm_engine(device)};
        CHECK(conv_forward(m, device, s, x_device, w_device, no_bias, y, no_partial, scratch(m, s, CONV_FORWARD)));
        CHECK(conv_data_gradient(m, device, s, w_device, dy_device, dx, scratch(m, s, CONV_DATA_GRADIENT)));
        CHECK(conv_weight_gradient(m, device, s, x_device, dy_device, dweight, scratch(m, s, CONV_WEIGHT_GRADIENT)));
        COMPARE(a->name, y, roundings, i, reference_conv(s, x, w, zero, i));
        COMPARE(a->name, dx, roundings, i, reference_conv_data_gradient(s, w, dy, i));
        COMPARE(a->name, dweight, roundings, i, reference_conv_weight_gradient(s, x, dy, i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(several_chunks),
        DEVICE_TEST(choice),
        DEVICE_TEST(winograd_counts),
        DEVICE_TEST(statistics),
        DEVICE_TEST(many_channels_are_left_to_im2col),
        DEVICE_TEST(direct_is_the_same_every_time),
        DEVICE_TEST(long_sums),
        HALF_TEST(many_channels_are_left_to_im2col),
        HALF_TEST(direct_is_the_same_every_time),
        HALF_TEST(halves),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
