/* Each of Winograd's transforms against the triple product of its matrices. */
#include "common.h"
#include "reference.h"

#include "ops/winograd.h"

/* The longest sum of a one-dimensional transform has 5 terms; twice, with the coefficients' own roundings. */
enum { ROUNDINGS = 16, MOST = 36 };

static const struct conv_shape shapes[] = {
    {1, 1, 1, 1, 1}, {3, 2, 2, 3, 7}, {3, 5, 3, 16, 32}, {1, 7, 7, 13, 16}, {2, 8, 12, 32, 3},
};
#define FOR_EACH_CASE(tile, s)                                                                                         \
    for (int tile = 2; tile <= 4; tile += 2)                                                                           \
        for (const struct conv_shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)

static const char *name(int tile, const struct conv_shape *s) {
    return text("F(%d) of %zux%zux%zu, %zu to %zu channels", tile, s->n, s->h, s->w, s->c, s->o);
}

/* Where element (row, column) of a tile lies in images of channels; SIZE_MAX outside of the image. halo: how far the
 * tile begins before its outputs. */
static size_t element(int tile, const struct conv_shape *s, size_t channels, size_t number, int halo, int row,
                      int column, size_t channel) {
    size_t tiles_w = (s->w + (size_t)tile - 1) / (size_t)tile, tiles = winograd_tiles(tile, s->h, s->w);
    long y = (long)(number % tiles / tiles_w) * tile - halo + row, x = (long)(number % tiles_w) * tile - halo + column;
    if (y < 0 || y >= (long)s->h || x < 0 || x >= (long)s->w)
        return SIZE_MAX;
    return ((number / tiles * s->h + (size_t)y) * s->w + (size_t)x) * channels + channel;
}

static size_t total_tiles(int tile, const struct conv_shape *s) {
    return s->n * winograd_tiles(tile, s->h, s->w);
}

/* From images to points: tiles of `side` elements, `halo` before their outputs. */
static struct exact to_points(int tile, const struct conv_shape *s, size_t channels, int side, int halo,
                              enum winograd_matrix which, const float *images) {
    size_t points = winograd_points(tile), plane = total_tiles(tile, s) * channels;
    struct exact made = exact_zeros(points * plane);
    for (size_t i = 0; i < plane; i++) {
        double in[MOST], out[MOST], magnitude[MOST];
        for (int k = 0; k < side * side; k++) {
            size_t from = element(tile, s, channels, i / channels, halo, k / side, k % side, i % channels);
            in[k] = from == SIZE_MAX ? 0 : images[from];
        }
        expected_winograd(tile, which, in, out, magnitude);
        for (size_t k = 0; k < points; k++) {
            made.value[k * plane + i] = out[k];
            made.magnitude[k * plane + i] = magnitude[k];
        }
    }
    return made;
}

/* Transforms each of count columns of in[rows_in][count] to out[rows_out][count]. */
static struct exact columns(int tile, enum winograd_matrix which, size_t rows_in, size_t rows_out, size_t count,
                            const float *in) {
    struct exact made = exact_zeros(rows_out * count);
    for (size_t i = 0; i < count; i++) {
        double from[MOST], to[MOST], magnitude[MOST];
        for (size_t k = 0; k < rows_in; k++)
            from[k] = in[k * count + i];
        expected_winograd(tile, which, from, to, magnitude);
        for (size_t k = 0; k < rows_out; k++) {
            made.value[k * count + i] = to[k];
            made.magnitude[k * count + i] = magnitude[k];
        }
    }
    return made;
}

/* Random images, one more than the transforms are told of, which comes first. */
static float *images(const struct conv_shape *s, size_t channels) {
    return random_floats((s->n + 1) * s->h * s->w * channels, -1, 1);
}

static void input(void **state) {
    (void)state;
    FOR_EACH_CASE(tile, s) {
        size_t image = s->h * s->w * s->c;
        float *x = images(s, s->c);
        struct tensor v = poisoned(winograd_points(tile) * total_tiles(tile, s) * s->c);
        CHECK(winograd_input(device, tile, *s, upload((s->n + 1) * image, x), 1, v));
        COMPARE(name(tile, s), v, to_points(tile, s, s->c, tile + 2, 1, WINOGRAD_BT, x + image), ROUNDINGS);
    }
}

static void gradient(void **state) {
    (void)state;
    FOR_EACH_CASE(tile, s) {
        size_t image = s->h * s->w * s->o;
        float *dy = images(s, s->o);
        struct tensor z = poisoned(winograd_points(tile) * total_tiles(tile, s) * s->o);
        CHECK(winograd_gradient(device, tile, *s, upload((s->n + 1) * image, dy), 1, z));
        COMPARE(name(tile, s), z, to_points(tile, s, s->o, tile, 0, WINOGRAD_A, dy + image), ROUNDINGS);
    }
}

static void output(void **state) {
    (void)state;
    FOR_EACH_CASE(tile, s) {
        for (int with_bias = 0; with_bias < 2; with_bias++) {
            size_t points = winograd_points(tile), plane = total_tiles(tile, s) * s->o, image = s->h * s->w * s->o;
            float *m = random_floats(points * plane, -1, 1), *bias = random_floats(s->o, -1, 1);
            struct tensor y = poisoned((s->n + 1) * image), none = {NULL, 0};
            CHECK(winograd_output(device, tile, *s, upload(points * plane, m), 1, with_bias ? upload(s->o, bias) : none,
                                  y));
            struct exact tiles = columns(tile, WINOGRAD_AT, points, (size_t)(tile * tile), plane, m);
            struct exact expected = exact_copy((s->n + 1) * image, download(poisoned((s->n + 1) * image)));
            for (size_t i = 0; i < plane; i++) {
                for (int k = 0; k < tile * tile; k++) {
                    size_t to = element(tile, s, s->o, i / s->o, 0, k / tile, k % tile, i % s->o);
                    if (to == SIZE_MAX)
                        continue;
                    expected.value[image + to] = tiles.value[(size_t)k * plane + i];
                    expected.magnitude[image + to] = tiles.magnitude[(size_t)k * plane + i];
                    if (with_bias)
                        exact_add(expected, image + to, bias[i % s->o]);
                }
            }
            COMPARE(name(tile, s), y, expected, ROUNDINGS);
        }
    }
}

static void weight(void **state) {
    (void)state;
    FOR_EACH_CASE(tile, s) {
        size_t count = s->c * s->o, points = winograd_points(tile);
        float *w = random_floats(9 * count, -1, 1);
        struct tensor u = poisoned(points * count), rotated = poisoned(points * count), from = upload(9 * count, w);
        CHECK(winograd_weight(device, tile, s->c, s->o, from, false, u));
        COMPARE(name(tile, s), u, columns(tile, WINOGRAD_G, 9, points, count, w), ROUNDINGS);
        CHECK(winograd_weight(device, tile, s->c, s->o, from, true, rotated));
        COMPARE(name(tile, s), rotated, columns(tile, WINOGRAD_G, 9, points, count, expected_rotate(s->c, s->o, w)),
                ROUNDINGS);
    }
}

static void weight_gradient(void **state) {
    (void)state;
    FOR_EACH_CASE(tile, s) {
        size_t count = s->c * s->o, points = winograd_points(tile);
        float *du = random_floats(points * count, -1, 1);
        struct tensor dweight = poisoned(9 * count);
        CHECK(winograd_weight_gradient(device, tile, s->c, s->o, upload(points * count, du), dweight));
        COMPARE(name(tile, s), dweight, columns(tile, WINOGRAD_GT, points, 9, count, du), ROUNDINGS);
    }
}

static void counts(void **state) {
    (void)state;
    assert_int_equal(winograd_points(2), 16);
    assert_int_equal(winograd_points(4), 36);
    assert_int_equal(winograd_tiles(2, 5, 3), 6);
    assert_int_equal(winograd_tiles(4, 8, 9), 6);
    assert_int_equal(winograd_tiles(4, 1, 1), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(input),  DEVICE_TEST(gradient),        DEVICE_TEST(output),
        DEVICE_TEST(weight), DEVICE_TEST(weight_gradient), DEVICE_TEST(counts),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
