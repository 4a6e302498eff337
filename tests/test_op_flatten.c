/* From NHWC to rows in PyTorch's order, and back. */
#include "common.h"

#include "ops/flatten.h"

static void there_and_back(void **state) {
    (void)state;
    static const struct {
        size_t n, plane, c;
    } shapes[] = {{1, 1, 1}, {3, 1, 65}, {3, 49, 7}, {1, 4, 512}, {3, 15, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t n = shapes[i].n, plane = shapes[i].plane, c = shapes[i].c, count = n * plane * c;
        float *x = random_floats(count, -1, 1);
        struct exact expected = exact_zeros(count);
        for (size_t image = 0; image < n; image++)
            for (size_t pixel = 0; pixel < plane; pixel++)
                for (size_t k = 0; k < c; k++)
                    expected.value[(image * c + k) * plane + pixel] = x[(image * plane + pixel) * c + k];
        struct tensor y = poisoned(count), back = poisoned(count);
        CHECK(flatten_forward(device, n, plane, c, upload(count, x), y));
        COMPARE(text("%zu images of %zu x %zu", n, plane, c), y, expected, 0);
        CHECK(flatten_backward(device, n, plane, c, y, back));
        COMPARE(text("%zu images of %zu x %zu back", n, plane, c), back, exact_copy(count, x), 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(there_and_back)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
