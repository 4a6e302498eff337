/* All checks of vggcl selfcheck: every kernel, algorithm and engine on edge-case shapes, and on the shapes of networks
 * with and without batch normalisation, with each kind of dropout, and for images of other sizes. */
#include "common.h"

#include "check/check.h"
#include "nets/model.h"
#include "nets/net.h"

struct tally {
    int checks, failures;
};

static bool count(const struct vggcl_check *check, void *payload) {
    struct tally *tally = payload;
    tally->checks++;
    if (!check->passed) {
        tally->failures++;
        print_error("%s (%s) of %s: %s\n", check->name, check->kernels, check->shape, check->fault);
    }
    return true;
}

/* As a quick selfcheck, and where `full` as a whole one before. */
static void check_network(struct model_options options, struct data_spec data, bool full) {
    const struct shape input = {data.height, data.width, data.channels};
    struct layer_spec specs[MODEL_LAYERS];
    size_t layers;
    struct net *net;
    struct tally tally = {0, 0};
    if (interpreted())
        skip(); /* ci/checkers.sh runs the program itself, on its smallest networks */
    CHECK(model_vgg11.build(&model_vgg11, &options, &data, specs, &layers));
    CHECK(net_create(context, specs, layers, input, 3, NULL, "auto", NET_TRAINS, &optimiser_sgd, &net));
    for (int quick = !full; quick < 2; quick++)
        CHECK(check_operators(net, quick, &(struct check_report){.checked = count, .payload = &tally}));
    net_free(net);
    assert_int_equal(tally.failures, 0);
    assert_true(tally.checks > (full ? 100 : 30));
}

static const struct data_spec usual = {32, 32, 3, 10, NULL}, others = {28, 45, 1, 7, NULL};

static void with_bn(void **state) {
    (void)state;
    check_network((struct model_options){1.0 / 32, true, DROPOUT_CHANNEL, true, false, false}, usual, true);
}

static void without_bn(void **state) {
    (void)state;
    check_network((struct model_options){1.0 / 32, false, DROPOUT_ELEMENT, true, false, false}, usual, true);
}

/* Poolings of 28x45, 14x22, 7x11 and 3x5 pixels. */
static void other_sizes(void **state) {
    (void)state;
    check_network((struct model_options){1.0 / 32, true, DROPOUT_CHANNEL, true, false, false}, others, false);
    check_network((struct model_options){1.0 / 32, false, DROPOUT_NONE, true, true, false}, others, false);
}

static void check_shapes(const struct conv_shape *shapes, size_t shape_count, size_t sample) {
    struct tally tally = {0, 0};
    for (size_t i = 0; i < shape_count; i++)
        check_shape(context, NULL, shapes[i], sample, &(struct check_report){.checked = count, .payload = &tally});
    assert_int_equal(tally.failures, 0);
    assert_true(tally.checks > 40 * (int)shape_count);
}

/* Single pixels, images below and beside a tile, channels of every vector width and of none. */
static void small_shapes(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{1, 1, 1, 1, 1},   {3, 2, 2, 3, 7},   {9, 2, 2, 32, 16},
                                               {1, 7, 7, 13, 48}, {3, 3, 5, 32, 16}, {1, 3, 17, 1, 1}};
    if (interpreted() && context->stored)
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
    const struct CMUnitTest tests[] = {DEVICE_TEST(small_shapes), HALF_TEST(small_shapes), BF16_TEST(small_shapes),
                                       DEVICE_TEST(chunks),       HALF_TEST(chunks),       BF16_TEST(chunks),
                                       DEVICE_TEST(with_bn),      HALF_TEST(with_bn),      BF16_TEST(with_bn),
                                       DEVICE_TEST(without_bn),   HALF_TEST(without_bn),   DEVICE_TEST(other_sizes)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
