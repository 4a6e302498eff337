/* Winograd's algorithm by matrix instructions: images of ragged tiles, channels that do not fill a slice or a panel,
 * groups that are not full, several of them. */
#include "common.h"

#include "check/check.h"
#include "cl/matrix.h"
#include "ops/conv/conv.h"
#include "ops/conv/winograd_matrix.h"

#include <string.h>

/* The checks of every shape: packed weights, forward, data gradient; twice that where images are a single tile. */
static void edges(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{1, 1, 1, 16, 16}, {3, 2, 2, 48, 32}, {5, 3, 5, 48, 32},
                                               {2, 9, 7, 16, 80}, {9, 8, 8, 32, 16}, {130, 2, 2, 32, 48}};
    int shape_count = interpreted() ? 2 : sizeof shapes / sizeof *shapes, lone = 0, checks = 0;
    if (!device->matrix || device->matrix->lanes > 1)
        skip();
    for (int i = 0; i < shape_count; i++) {
        lone += shapes[i].h == 2 && shapes[i].w == 2;
        checks += check_kernels("winograd_matrix/", shapes[i]);
    }
    assert_int_equal(checks, 3 * (shape_count + lone));
}

static void statistics(void **state) {
    (void)state;
    struct conv_plan p;
    if (!device->matrix || device->matrix->lanes > 1)
        skip();
    for (size_t h = 7; h <= 8; h++) {
        CHECK(conv_make_plan(context, (struct conv_method){&conv_winograd2_matrix, NULL},
                             (struct conv_shape){3, h, 8, 32, 32}, CONV_FORWARD, &p));
        assert_int_equal(p.slabs > 0, h == 8);
    }
}

static void floats_are_refused(void **state) {
    (void)state;
    struct conv_plan p;
    if (!device->matrix || device->matrix->lanes > 1)
        skip();
    context->stored = STORED_FLOAT;
    CHECK_FAILS(conv_make_plan(context, (struct conv_method){&conv_winograd2_matrix, NULL},
                               (struct conv_shape){1, 4, 4, 16, 16}, CONV_FORWARD, &p),
                VGGCL_EUSAGE, "winograd2-matrix", "set precision to bf16");
}

int main(void) {
    const struct CMUnitTest tests[] = {BF16_TEST(edges), PLAIN_TEST(edges), BF16_TEST(statistics),
                                       BF16_TEST(floats_are_refused)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
