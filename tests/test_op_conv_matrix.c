/* Convolutions by matrix instructions: images that do not fill a block, channels that do not fill a slice or a panel,
 * several segments, bands, slabs and chunks. */
#include "common.h"

#include "check/check.h"
#include "cl/matrix.h"
#include "ops/conv/conv.h"
#include "ops/conv/conv_matrix.h"

#include <string.h>

/* All five checks of each shape: the two packings, and three directions. */
static void check_all(const struct conv_shape *shapes, size_t shape_count) {
    size_t checks = 0;
    if (!device->matrix)
        skip();
    for (size_t i = 0; i < shape_count; i++)
        checks += check_kernels("conv_matrix/", shapes[i]);
    assert_int_equal(checks, 5 * shape_count);
}

static void edges(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{1, 1, 1, 16, 16},  {5, 3, 5, 48, 32},  {37, 4, 4, 32, 16},
                                               {33, 7, 3, 64, 80}, {2, 9, 20, 16, 48}, {32, 2, 2, 32, 32}};
    check_all(shapes, interpreted() ? 2 : sizeof shapes / sizeof *shapes);
}

/* As edges(), with channels in blocks of 32 and images that do and do not fill them. The back-end "lanes" has the lanes
 * of NVIDIA's instruction; with 16 and 8, Intel's is emulated. */
static void lane_edges(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{1, 1, 1, 32, 32}, {5, 3, 5, 64, 32}, {37, 4, 4, 32, 96}};
    static const struct matrix_backend intel[] = {
        {.name = "intel", .number = 5, .rows = 2, .columns = 2, .operands = STORED_BF16, .lanes = 16},
        {.name = "intel-8", .number = 5, .rows = 1, .columns = 2, .operands = STORED_BF16, .lanes = 8}};
    check_all(shapes, interpreted() ? 1 : sizeof shapes / sizeof *shapes);
    if (context->stored != STORED_BF16)
        return;
    for (size_t i = 0; i < sizeof intel / sizeof *intel; i++) {
        device->matrix = &intel[i];
        check_all(shapes + !interpreted(), 1);
    }
}

/* Blocks of 32 images are the least that a weight gradient takes at a time: here three chunks. */
static void chunks(void **state) {
    (void)state;
    static const struct conv_shape shape = {70, 4, 3, 32, 32};
    if (interpreted())
        skip();
    context->conv_limit = 1;
    check_all(&shape, 1);
    context->conv_limit = 0;
}

/* Taps that are outside of an image are not multiplied, nor counted. */
static void operations_are_counted(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{5, 1, 3, 16, 32}, {7, 2, 2, 32, 32}, {3, 9, 4, 32, 64}};
    struct conv_plan p;
    if (!device->matrix)
        skip();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int direction = 0; direction < CONV_DIRECTIONS; direction++) {
            const struct conv_shape s = shapes[i];
            double taps = 0;
            for (size_t pixel = 0; pixel < s.n * s.h * s.w; pixel++)
                for (size_t tap = 0; tap < 9; tap++)
                    taps += conv_neighbour(s, pixel, tap) >= 0;
            CHECK(conv_make_plan(context, (struct conv_method){&conv_matrix, NULL}, s, (enum conv_direction)direction,
                                 &p));
            if (p.algorithm == &conv_matrix)
                assert_true(conv_operations(&p) == 2 * taps * (double)(s.c * s.o));
        }
}

/* Statistics of the output are made by the convolution itself if the images fill blocks. */
static void statistics(void **state) {
    (void)state;
    struct conv_plan p;
    if (!device->matrix)
        skip();
    size_t block = 16 * (size_t)device->matrix->rows;
    for (size_t n = block - 1; n <= block; n++) {
        CHECK(conv_make_plan(context, (struct conv_method){&conv_matrix, NULL}, (struct conv_shape){n, 8, 8, 32, 32},
                             CONV_FORWARD, &p));
        assert_int_equal(p.slabs > 0, n == block);
    }
}

/* Which work-group takes which job differs from run to run; the bits do not. */
static void same_every_time(void **state) {
    (void)state;
    const struct conv_shape s = {24, 9, 7, 32, 48};
    size_t x_count = s.n * s.h * s.w * s.c, y_count = s.n * s.h * s.w * s.o, weights = 9 * s.c * s.o;
    if (!device->matrix || interpreted())
        skip();
    struct conv_operands o = {.x = upload_stored(x_count, random_floats(x_count, -1, 1)),
                              .y = upload_stored(y_count, random_floats(y_count, -1, 1)),
                              .weight = poisoned(weights)};
    struct conv_plan p;
    CHECK(conv_make_plan(context, (struct conv_method){&conv_matrix, NULL}, s, CONV_WEIGHT_GRADIENT, &p));
    o.scratch = (struct conv_scratch){poisoned(p.words.weight), poisoned(p.words.input), poisoned(p.words.output),
                                      poisoned(p.words.product)};
    CHECK(conv_run(device, &p, &o));
    const float *first = download(o.weight);
    for (int i = 0; i < 3; i++) {
        CHECK(conv_run(device, &p, &o));
        assert_memory_equal(first, download(o.weight), weights * sizeof *first);
    }
}

/* The instructions of bfloat16 do not read activations that are floats; those of tf32 read nothing else. */
static void others_are_refused(void **state) {
    (void)state;
    struct conv_plan p;
    if (!device->matrix)
        skip();
    context->stored = context->stored == STORED_FLOAT ? STORED_BF16 : STORED_FLOAT;
    CHECK_FAILS(conv_make_plan(context, (struct conv_method){&conv_matrix, NULL}, (struct conv_shape){1, 4, 4, 32, 32},
                               CONV_FORWARD, &p),
                VGGCL_EUSAGE, "matrix", "precision");
}

int main(void) {
    const struct CMUnitTest tests[] = {BF16_TEST(edges),
                                       PLAIN_TEST(edges),
                                       BF16_TEST(chunks),
                                       PLAIN_TEST(chunks),
                                       BF16_TEST(statistics),
                                       BF16_TEST(same_every_time),
                                       PLAIN_TEST(same_every_time),
                                       BF16_TEST(operations_are_counted),
                                       BF16_TEST(others_are_refused),
                                       LANES_TEST(lane_edges),
                                       LANES_TEST(same_every_time),
                                       TF32_TEST(lane_edges),
                                       TF32_TEST(chunks),
                                       TF32_TEST(same_every_time),
                                       TF32_TEST(others_are_refused)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
