/* The neighbourhoods as rows, and the turned weights: copies, so nothing may differ. */
#include "common.h"
#include "reference.h"

#include "ops/im2col.h"

static const struct conv_shape shapes[] = {
    {1, 1, 1, 1, 1}, {3, 2, 2, 3, 7}, {3, 5, 3, 16, 13}, {1, 7, 7, 13, 16}, {3, 3, 65, 1, 3}, {2, 4, 6, 48, 65},
};
#define FOR_EACH_SHAPE(s) for (const struct conv_shape *s = shapes; s < shapes + sizeof shapes / sizeof *shapes; s++)

/* The first image is there and must not be touched. */
static void neighbourhoods(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        size_t plane = s->h * s->w, pixels = s->n * plane;
        float *x = random_floats((plane + pixels) * s->c, -1, 1);
        struct exact expected = exact_zeros(pixels * 9 * s->c);
        for (size_t i = 0; i < expected.count; i++) {
            long from = expected_neighbour(*s, i / (9 * s->c), i / s->c % 9);
            expected.value[i] = from < 0 ? 0 : x[(plane + (size_t)from) * s->c + i % s->c];
        }
        struct tensor column = poisoned(pixels * 9 * s->c);
        CHECK(im2col(device, *s, upload((plane + pixels) * s->c, x), 1, column));
        COMPARE(text("%zux%zux%zux%zu", s->n, s->h, s->w, s->c), column, expected, 0);
    }
}

static void turned_weights(void **state) {
    (void)state;
    FOR_EACH_SHAPE(s) {
        size_t count = 9 * s->c * s->o;
        float *weight = random_floats(count, -1, 1);
        struct tensor rotated = poisoned(count);
        CHECK(rotate_weight(device, s->c, s->o, upload(count, weight), rotated));
        COMPARE(text("%zu to %zu channels", s->o, s->c), rotated,
                exact_copy(count, expected_rotate(s->c, s->o, weight)), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(neighbourhoods), DEVICE_TEST(turned_weights)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
