/* The convolutions by every algorithm, forward, for the data and for the weights. */
#include "common.h"
#include "reference.h"

#include "ops/conv.h"

#include <math.h>

static const struct conv_algorithm *const algorithms[] = {&conv_direct, &conv_im2col, &conv_winograd2, &conv_winograd4};

static const struct conv_shape shapes[] = {
    {1, 1, 1, 1, 1},   {3, 2, 2, 3, 7},  {3, 5, 3, 16, 13},   {1, 7, 7, 13, 48},
    {3, 9, 6, 32, 16}, {1, 3, 65, 1, 1}, {17, 32, 32, 64, 8}, /* the last takes every algorithm several chunks */
};
#define FOR_EACH_SHAPE(s) for (const struct conv_shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)
#define FOR_EACH_ALGORITHM(a)                                                                                          \
    for (int a##_ = 0; a##_ < 4; a##_++)                                                                               \
        for (const struct conv_algorithm *a = algorithms[a##_]; a; a = NULL)

/* How much of an element's magnitude its error may be, in roundings, and whose magnitude counts.
 *
 * A plain sum: as many roundings as it has terms. What Winograd's transforms multiply and sum exceeds the terms' own
 * magnitudes by at most (all inputs being alike in magnitude)
 *     sum over points p of |A[p][i]| * sum |B'[p][:]| * sum |G[p][:]|, divided by 3 terms, at the worst output i,
 * squared for two dimensions: (6/3)^2 for F(2), (48/3)^2 for F(4). For the weight gradient A and G change places and
 * the divisor is the tile's side: (6/2)^2 and (53.3/4)^2. That is so far above what occurs that the roundings, of the
 * sums and of some 32 operations in the transforms, are taken as independent: their square root counts (Higham and
 * Mary 2019). A tile's errors are spread over all its outputs, so the largest magnitude stands for each. */
struct bound {
    double roundings;
    bool of_largest;
};

static struct bound bound(const struct conv_algorithm *a, size_t terms) {
    if (a->tile == 0)
        return (struct bound){(double)terms + 1, false}; /* and the bias */
    return (struct bound){sqrt((double)terms + 32) * (a->tile == 2 ? 9 : 256), true};
}

static void compare_bound(const char *what, const struct conv_algorithm *a, const struct conv_shape *s,
                          struct tensor actual, struct exact expected, struct bound bound) {
    struct exact bounded = {expected.count, expected.value, expected.magnitude};
    if (bound.of_largest) {
        double most = 0;
        for (size_t i = 0; i < expected.count; i++)
            most = expected.magnitude[i] > most ? expected.magnitude[i] : most;
        bounded.magnitude = zeros(expected.count * sizeof(double));
        for (size_t i = 0; i < expected.count; i++)
            bounded.magnitude[i] = most;
    }
    COMPARE(text("%s by %s of %zux%zux%zu, %zu to %zu channels", what, a->name, s->n, s->h, s->w, s->c, s->o), actual,
            bounded, bound.roundings);
}

/* The scratch memory of all images at once is a multiple of one's, unless they are done in chunks. */
static void several_chunks(void **state) {
    (void)state;
    struct conv_shape all = shapes[sizeof shapes / sizeof *shapes - 1], one = all;
    one.n = 1;
    if (device->info.type != VGGCL_CPU)
        skip(); /* chunks of other devices are too large for a test */
    FOR_EACH_ALGORITHM(a) {
        size_t chunk = a->scratch(a, device, all).input / a->scratch(a, device, one).input;
        assert_in_range(chunk, 2, all.n - 1);
        assert_int_not_equal(all.n % chunk, 0);
    }
    assert_int_equal(conv_chunk(device, all, SIZE_MAX), 1);
    assert_int_equal(conv_chunk(device, all, 1), all.n);
}

static void choice(void **state) {
    (void)state;
    const struct conv_algorithm *chosen;
    FOR_EACH_ALGORITHM(a) {
        CHECK(conv_choose(device, shapes[0], a->name, &chosen));
        assert_ptr_equal(chosen, a);
    }
    CHECK(conv_choose(device, (struct conv_shape){1, 32, 32, 3, 64}, "auto", &chosen));
    assert_ptr_equal(chosen, &conv_direct);
    CHECK_FAILS(conv_choose(device, shapes[0], "fft", &chosen), VGGCL_EUSAGE, "--conv", "im2col", "winograd2",
                "winograd4", "auto", "fft");
}

/* Exactly what the algorithm asked for: its guard words show where it asked for too little. */
static struct conv_scratch scratch(const struct conv_algorithm *a, struct conv_shape s) {
    struct conv_scratch_words words = a->scratch(a, device, s);
    return (struct conv_scratch){poisoned(words.weight), poisoned(words.input), poisoned(words.output)};
}

static void forward(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        size_t pixels = s->n * s->h * s->w;
        float *x = random_floats(pixels * s->c, -1, 1), *weight = random_floats(9 * s->c * s->o, -1, 1);
        float *bias = random_floats(s->o, -1, 1);
        struct tensor x_device = upload(pixels * s->c, x), weight_device = upload(9 * s->c * s->o, weight);
        struct tensor biases[] = {{NULL, 0}, upload(s->o, bias)};
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            struct exact expected = expected_conv(*s, x, weight, with_bias ? bias : NULL);
            FOR_EACH_ALGORITHM(a) {
                struct tensor y = poisoned(pixels * s->o);
                CHECK(a->forward(a, device, *s, x_device, weight_device, false, biases[with_bias], y, scratch(a, *s)));
                compare_bound(with_bias ? "forward with bias" : "forward", a, s, y, expected, bound(a, 9 * s->c));
            }
        }
    }
}

static void data_gradient(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        size_t pixels = s->n * s->h * s->w;
        float *dy = random_floats(pixels * s->o, -1, 1), *weight = random_floats(9 * s->c * s->o, -1, 1);
        struct tensor dy_device = upload(pixels * s->o, dy), weight_device = upload(9 * s->c * s->o, weight);
        struct exact expected = expected_conv_data_gradient(*s, weight, dy);
        FOR_EACH_ALGORITHM(a) {
            struct tensor dx = poisoned(pixels * s->c);
            CHECK(conv_data_gradient(a, device, *s, weight_device, dy_device, dx, scratch(a, conv_reversed(*s))));
            compare_bound("data gradient", a, s, dx, expected, bound(a, 9 * s->o));
        }
    }
}

static void weight_gradient(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        size_t pixels = s->n * s->h * s->w;
        float *x = random_floats(pixels * s->c, -1, 1), *dy = random_floats(pixels * s->o, -1, 1);
        struct tensor x_device = upload(pixels * s->c, x), dy_device = upload(pixels * s->o, dy);
        struct exact expected = expected_conv_weight_gradient(*s, x, dy);
        FOR_EACH_ALGORITHM(a) {
            struct tensor dweight = poisoned(9 * s->c * s->o);
            CHECK(a->weight_gradient(a, device, *s, x_device, dy_device, dweight, scratch(a, *s)));
            compare_bound("weight gradient", a, s, dweight, expected, bound(a, pixels));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(forward),        DEVICE_TEST(data_gradient), DEVICE_TEST(weight_gradient),
        DEVICE_TEST(several_chunks), DEVICE_TEST(choice),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
