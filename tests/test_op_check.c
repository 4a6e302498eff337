/* The whole table of vggcl selfcheck: every kernel, algorithm and engine on shapes that are hard for them, and on those
 * of networks with and without batch normalisation and each kind of dropout. */
#include "common.h"

#include "check/check.h"
#include "net/vgg.h"

struct tally {
    int checks, failures;
};

static bool count(void *user, const struct vggcl_check *check) {
    struct tally *tally = user;
    tally->checks++;
    if (!check->passed) {
        tally->failures++;
        print_error("%s (%s) of %s: %s\n", check->name, check->kernels, check->shape, check->fault);
    }
    return true;
}

static void check_network(struct vgg v) {
    struct layer_spec specs[VGG_LAYERS];
    struct net *net;
    struct tally tally = {0, 0};
    if (interpreted())
        skip(); /* ci/checkers.sh runs the program itself, on its smallest networks */
    CHECK(net_create(device, specs, vgg_layers(v, specs), vgg_input, 3, "auto", NET_TRAINS, &net));
    for (int quick = 0; quick < 2; quick++)
        CHECK(check_operators(net, quick, &(struct check_report){&tally, count}));
    net_free(net);
    assert_int_equal(tally.failures, 0);
    assert_true(tally.checks > 100);
}

static void with_bn(void **state) {
    (void)state;
    check_network((struct vgg){&vgg_models[0], 1.0 / 32, true, DROPOUT_CHANNEL, true});
}

static void without_bn(void **state) {
    (void)state;
    check_network((struct vgg){&vgg_models[0], 1.0 / 32, false, DROPOUT_ELEMENT, true});
}

static void check_shapes(const struct conv_shape *shapes, size_t shape_count, size_t sample) {
    struct tally tally = {0, 0};
    for (size_t i = 0; i < shape_count; i++)
        check_shape(device, shapes[i], sample, &(struct check_report){&tally, count});
    assert_int_equal(tally.failures, 0);
    assert_true(tally.checks > 40 * (int)shape_count);
}

/* Single pixels, images below and beside a tile, channels of every vector width and of none. */
static void small_shapes(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{1, 1, 1, 1, 1},   {3, 2, 2, 3, 7},   {9, 2, 2, 32, 16},
                                               {1, 7, 7, 13, 48}, {3, 3, 5, 32, 16}, {1, 3, 17, 1, 1}};
    if (interpreted() && device->half)
        skip(); /* test_op_conv and test_op_activation have shapes small enough */
    check_shapes(shapes, sizeof shapes / sizeof *shapes, SIZE_MAX);
}

/* So many images that each algorithm takes them in several chunks, and so many pixels that sums take several slabs. */
static void chunks(void **state) {
    (void)state;
    const struct conv_shape shape = {17, 32, 32, 64, 8};
    if (interpreted())
        skip();
    check_shapes(&shape, 1, 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(small_shapes), HALF_TEST(small_shapes), DEVICE_TEST(chunks),
                                       HALF_TEST(chunks),         DEVICE_TEST(with_bn),    HALF_TEST(with_bn),
                                       DEVICE_TEST(without_bn),   HALF_TEST(without_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
