/* Convolutions: the choice of algorithm, chunks, and identical bits in every run. test_op_check tests their results. */
#include "common.h"

#include "check/check_conv.h"
#include "ops/conv/chunk.h"
#include "ops/conv/conv.h"
#include "ops/conv/im2col.h"
#include "ops/conv/winograd_local.h"
#include "ops/gemm/gemm.h"
#include "ops/conv/direct.h"
#include "ops/conv/winograd.h"

#include <math.h>
#include <string.h>

#define FOR_EACH_ALGORITHM(a)                                                                                          \
    for (int a##_ = 0; conv_algorithms[a##_]; a##_++)                                                                  \
        for (const struct conv_algorithm *a = conv_algorithms[a##_]; a; a = NULL)

static struct conv_plan plan_of(const struct conv_algorithm *a, struct conv_shape s, enum conv_direction direction) {
    struct conv_plan plan;
    CHECK(conv_make_plan(context, (struct conv_method){a, NULL}, s, direction, &plan));
    return plan;
}

/* The scratch memory of all images at once is a multiple of one's, unless they are done in chunks. */
static void several_chunks(void **state) {
    (void)state;
    const struct conv_shape all = {17, 32, 32, 64, 8}, one = {1, 32, 32, 64, 8}; /* all: test_op_check runs it */
    if (device->info.type != VGGCL_CPU)
        skip(); /* chunks of other devices are too large for a test */
    int with_scratch = 0;
    FOR_EACH_ALGORITHM(a) {
        size_t words = plan_of(a, one, CONV_FORWARD).words.input;
        if (words == 0) /* with enough local memory, all of it is there */
            continue;
        size_t chunk = plan_of(a, all, CONV_FORWARD).words.input / words;
        assert_in_range(chunk, 2, all.n - 1);
        assert_int_not_equal(all.n % chunk, 0);
        with_scratch++;
    }
    assert_true(with_scratch > 0);
    assert_int_equal(conv_chunk_images(context, all.n, SIZE_MAX, 0), 1);
    assert_int_equal(conv_chunk_images(context, all.n, 1, 0), all.n);
    size_t words = context_conv_words(context);
    assert_int_equal(conv_chunk_images(context, all.n, words, 3 * words), 3); /* no fewer than the weights' words */
    context->conv_limit = words;
    assert_int_equal(conv_chunk_images(context, all.n, words, 3 * words), 1);
    context->conv_limit = 0;
}

static void choice(void **state) {
    (void)state;
    const struct conv_shape first = {1, 32, 32, 3, 64};
    struct conv_method chosen[CONV_DIRECTIONS];
    FOR_EACH_ALGORITHM(a) {
        if (a->matrix) {
            CHECK_FAILS(conv_choose(context, first, a->name, chosen), VGGCL_EUSAGE, a->name, "set precision to bf16");
            continue;
        }
        CHECK(conv_choose(context, first, a->name, chosen));
        for (int i = 0; i < CONV_DIRECTIONS; i++) {
            assert_ptr_equal(chosen[i].algorithm, a);
            assert_string_equal(conv_describe(chosen[i]).algorithm, a->name);
            assert_ptr_equal(chosen[i].engine, gemm_engine(context, NULL));
        }
    }
    CHECK(conv_choose(context, first, "auto", chosen));
    for (int i = 0; i < CONV_DIRECTIONS; i++)
        assert_ptr_equal(chosen[i].algorithm, &conv_direct);
    for (size_t i = 0; conv_algorithms[i]; i++) /* options name them by this list */
        assert_string_equal(conv_names[i + 1], conv_algorithms[i]->name);
    CHECK_FAILS(conv_choose(context, first, "fft", chosen), VGGCL_EUSAGE, "conv: takes", "im2col", "winograd2",
                "winograd4", "auto", "fft");
}

/* What an algorithm cannot do ends at one that can do everything, also for a shape that hardly any can do. */
static void every_shape_is_left_to_some_algorithm(void **state) {
    (void)state;
    const struct conv_shape odd = {1, 3, 5, DIRECT_CHANNELS + 1, 7};
    FOR_EACH_ALGORITHM(a) {
        const struct conv_algorithm *last = a;
        while (last->can) {
            last = last->otherwise;
            assert_non_null(last);
        }
        for (int i = 0; i < CONV_DIRECTIONS; i++) {
            struct conv_plan plan = plan_of(a, odd, (enum conv_direction)i);
            assert_true(conv_can(plan.algorithm, device, odd, (enum conv_direction)i));
        }
    }
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

/* The multiply-adds of a convolution, counted tile by tile: each tile of `side` x `side` outputs that has a pixel of
 * the image takes `products` for each pair of channels. */
static double counted(struct conv_shape s, size_t side, double products) {
    double count = 0;
    for (size_t image = 0; image < s.n; image++)
        for (size_t row = 0; row < s.h; row += side)
            for (size_t column = 0; column < s.w; column += side)
                count += products * (double)s.c * (double)s.o;
    return count;
}

/* That of the planned matrix products. */
static double planned(const struct conv_plan *p) {
    double count = 0;
    for (size_t first = 0; first < p->s.n;) {
        const struct conv_chunk *chunk = p->s.n - first > p->rest.images ? &p->whole : &p->rest;
        const struct gemm_shape *g = &chunk->product.shape;
        count += (double)(g->m * g->n) * (double)(g->k * g->batch);
        first += chunk->images;
    }
    return count;
}

/* Lavin and Gray 2016: F(m x m, 3x3) multiplies (m + 2)^2 times for m^2 outputs, where a direct convolution multiplies
 * 9 m^2 times. Without the pixels around an image of 2x2 (winograd2-lone) it is 9 times for 4 outputs. */
static void operations_are_those_of_the_products(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t side;
        double products;
    } kinds[] = {{"direct", 1, 9},           {"im2col", 1, 9},
                 {"winograd2", 2, 16},       {"winograd4", 4, 36},
                 {"winograd4-fused", 4, 36}, {"winograd4-sliced", 4, 36},
                 {"winograd2-lone", 2, 9},   {"winograd2-lone-sliced", 2, 9}};
    static const struct conv_shape shapes[] = {
        {3, 8, 8, 32, 16}, {5, 9, 6, 16, 32}, {17, 2, 2, 32, 32}, {2, 4, 4, 3, 16}};
    size_t compared = 0;
    FOR_EACH_ALGORITHM(a)
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int direction = 0; direction < CONV_DIRECTIONS; direction++) {
                if (strcmp(a->name, kinds[k].name) != 0 ||
                    !conv_can(a, device, shapes[i], (enum conv_direction)direction))
                    continue;
                struct conv_plan plan = plan_of(a, shapes[i], (enum conv_direction)direction);
                assert_true(conv_operations(&plan) == 2 * counted(shapes[i], kinds[k].side, kinds[k].products));
                if (a->multiplies)
                    assert_true(conv_operations(&plan) == 2 * planned(&plan));
                compared++;
            }
    assert_true(compared >=
                3 * 3 * sizeof shapes / sizeof *shapes); /* those of any device: im2col, winograd2, winograd4 */
}

/* Plans and launches it, with exactly the scratch memory that the plan asks for: guard words show where that is too
 * little. */
static void run(const struct conv_algorithm *a, struct conv_shape s, enum conv_direction direction, struct tensor x,
                struct tensor weight, struct tensor y) {
    struct conv_plan plan = plan_of(a, s, direction);
    struct conv_operands operands = {.x = x,
                                     .weight = weight,
                                     .y = y,
                                     .scratch = {poisoned(plan.words.weight), poisoned(plan.words.input),
                                                 poisoned(plan.words.output), poisoned(plan.words.product)}};
    CHECK(conv_run(device, &plan, &operands));
}

static const float *forward(const struct conv_algorithm *a, struct conv_shape s, struct tensor x,
                            struct tensor weight) {
    struct tensor y = poisoned_stored(s.n * s.h * s.w * s.o);
    run(a, s, CONV_FORWARD, x, weight, y);
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
        if (!conv_can(cases[i].algorithm, device, cases[i].whole, CONV_FORWARD))
            continue; /* too little local memory */
        assert_int_not_equal(plan_of(cases[i].algorithm, cases[i].whole, CONV_FORWARD).slabs, 0);
        assert_int_equal(plan_of(cases[i].algorithm, cases[i].ragged, CONV_FORWARD).slabs, 0);
    }
    assert_int_equal(plan_of(&conv_im2col, cases[0].whole, CONV_FORWARD).slabs, 0);
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
    const float *got[2];
    assert_in_range(plan_of(&conv_direct, s, CONV_WEIGHT_GRADIENT).rest.groups, 2, s.n * s.h);
    for (int i = 0; i < 2; i++) {
        struct tensor dweight = poisoned(weights);
        run(&conv_direct, s, CONV_WEIGHT_GRADIENT, x, dweight, dy);
        got[i] = download(dweight);
    }
    assert_memory_equal(got[0], got[1], weights * sizeof(float));
}

/* As many pixels as a usual batch has, of which no work-item may take more than its loops go round (DEV_CPU_ROUNDS). */
static void long_sums(void **state) {
    (void)state;
    const struct conv_shape s = {128, 32, 32, 3, 64};
    size_t pixels = s.n * s.h * s.w, inputs = pixels * s.c, outputs = pixels * s.o, weights = 9 * s.c * s.o;
    if (interpreted())
        skip(); /* minutes */
    float *x = random_floats(inputs, -1, 1), *dy = random_floats(outputs, -1, 1);
    struct tensor dweight = poisoned(weights);
    run(&conv_direct, s, CONV_WEIGHT_GRADIENT, upload(inputs, x), dweight, upload(outputs, dy));
    COMPARE("dweight", dweight, 4 * sqrt((double)pixels), i, reference_conv_weight_gradient(s, x, dy, i));
}

/* Every algorithm in each direction on 16-bit activations, on one small shape: the table of checks has more, but takes
 * an interpreter too long. The tolerance is the coarsest algorithm's (src/check/check_conv.c). */
static void halves(void **state) {
    (void)state;
    const struct conv_shape s = {1, 3, 3, 16, 16};
    const double roundings = 256 * sqrt(9 * 16 + 32);
    size_t inputs = s.n * s.h * s.w * s.c, weights = 9 * s.c * s.o;
    float *x = stored(inputs, random_floats(inputs, -1, 1)), *w = random_floats(weights, -1, 1);
    float *dy = stored(inputs, random_floats(inputs, -1, 1)), *zero = zeros(s.o * sizeof *zero);
    struct tensor x_device = upload_stored(inputs, x), dy_device = upload_stored(inputs, dy);
    struct tensor w_device = upload(weights, w);
    FOR_EACH_ALGORITHM(a) {
        if (interpreted() && a->alpha)
            continue; /* minutes */
        struct tensor y = poisoned_stored(inputs), dx = poisoned_stored(inputs), dweight = poisoned(weights);
        run(a, s, CONV_FORWARD, x_device, w_device, y);
        run(a, s, CONV_DATA_GRADIENT, dx, w_device, dy_device);
        run(a, s, CONV_WEIGHT_GRADIENT, x_device, dweight, dy_device);
        COMPARE(a->name, y, roundings, i, reference_conv(s, x, w, zero, i));
        COMPARE(a->name, dx, roundings, i, reference_conv_data_gradient(s, w, dy, i));
        COMPARE(a->name, dweight, roundings, i, reference_conv_weight_gradient(s, x, dy, i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(several_chunks),
        DEVICE_TEST(choice),
        DEVICE_TEST(every_shape_is_left_to_some_algorithm),
        DEVICE_TEST(winograd_counts),
        DEVICE_TEST(operations_are_those_of_the_products),
        DEVICE_TEST(statistics),
        DEVICE_TEST(many_channels_are_left_to_im2col),
        DEVICE_TEST(direct_is_the_same_every_time),
        DEVICE_TEST(long_sums),
        HALF_TEST(many_channels_are_left_to_im2col),
        HALF_TEST(direct_is_the_same_every_time),
        BF16_TEST(many_channels_are_left_to_im2col),
        BF16_TEST(direct_is_the_same_every_time),
        HALF_TEST(halves),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
