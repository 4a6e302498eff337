/* Scaling of pictures: Pillow's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/resample.h"

enum { MOST = 128 };

/* Scales a picture of the values (37 x + 101 y) mod 256 in each of two bands. */
static void scale(const struct resample_axis *x, const struct resample_axis *y, uint8_t *out) {
    struct resampler *r;
    uint8_t row[2 * MOST];
    assert_int_equal(resampler_new(x, y, 2, &r), VGGCL_OK);
    for (size_t i = 0; i < y->input; i++) {
        for (size_t k = 0; k < x->input; k++)
            row[2 * k] = row[2 * k + 1] = (uint8_t)(37 * k + 101 * i);
        resampler_add_row(r, row);
    }
    resampler_finish(r, out);
    resampler_free(r);
}

static struct resample_axis whole(size_t input, size_t output) {
    return (struct resample_axis){.input = input, .extent = (double)input, .output = output, .count = output};
}

/* What Pillow 9.4's Image.resize((width, height), Image.BILINEAR) makes of that picture. */
static const struct {
    size_t input_height, input_width, height, width;
    uint8_t values[MOST];
} cases[] = {
    {5, 7, 2, 3, {109, 139, 135, 136, 115, 121}},
    {5, 7, 8, 10, {0,   20,  46,  72,  98,  124, 150, 176, 202, 222, 44,  64,  90,  116, 142, 168, 189, 136, 134, 154,
                   107, 127, 149, 164, 189, 215, 229, 87,  53,  73,  170, 190, 172, 75,  92,  118, 140, 110, 116, 136,
                   154, 174, 156, 59,  76,  102, 128, 154, 143, 120, 57,  77,  99,  114, 139, 165, 191, 217, 134, 23,
                   104, 124, 150, 176, 108, 84,  110, 136, 111, 70,  148, 168, 194, 220, 80,  16,  42,  68,  94,  114}},
    {5, 7, 5, 4, {19, 77, 145, 203, 120, 178, 195, 60, 209, 74, 91, 149, 66, 124, 192, 116, 167, 153, 37, 95}},
    {40, 3, 4, 3, {133, 129, 115, 133, 119, 131, 119, 117, 142, 123, 139, 132}},
};

static void scales_as_pillow(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct resample_axis x = whole(cases[i].input_width, cases[i].width);
        const struct resample_axis y = whole(cases[i].input_height, cases[i].height);
        uint8_t out[2 * MOST];
        scale(&x, &y, out);
        for (size_t k = 0; k < 2 * x.count * y.count; k++)
            assert_int_equal(out[k], cases[i].values[k / 2]);
    }
}

static void keeps_a_picture_of_the_same_size(void **state) {
    (void)state;
    const struct resample_axis x = whole(9, 9), y = whole(6, 6);
    uint8_t out[2 * MOST];
    scale(&x, &y, out);
    for (size_t k = 0; k < 54; k++)
        assert_int_equal(out[2 * k], (uint8_t)(37 * (k % 9) + 101 * (k / 9)));
}

/* A part of the output has the values that it has in the whole of it. */
static void crops(void **state) {
    (void)state;
    struct resample_axis x = whole(7, 10), y = whole(5, 8);
    uint8_t all[2 * MOST], part[2 * MOST];
    scale(&x, &y, all);
    x.first = 3, x.count = 5;
    y.first = 2, y.count = 6;
    scale(&x, &y, part);
    for (size_t row = 0; row < 6; row++)
        for (size_t k = 0; k < 10; k++)
            assert_int_equal(part[row * 10 + k], all[(row + 2) * 20 + 6 + k]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(scales_as_pillow),
                                       cmocka_unit_test(keeps_a_picture_of_the_same_size), cmocka_unit_test(crops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
