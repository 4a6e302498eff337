/* All checks of vggcl selfcheck, in full: every kernel, algorithm and engine on small odd shapes and on those of
 * networks with and without batch normalisation and each kind of dropout. */
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
    CHECK(net_create(device, specs, vgg_layers(v, specs), vgg_input, 3, "auto", true, &net));
    for (int quick = 0; quick < 2; quick++)
        CHECK(check_operators(net, quick, &(struct check_report){&tally, count}));
    net_free(net);
    assert_int_equal(tally.failures, 0);
    assert_true(tally.checks > 100);
}

static void with_bn(void **state) {
    (void)state;
    check_network((struct vgg){&vgg_models[0], 1.0 / 32, true, DROPOUT_CHANNEL});
}

static void without_bn(void **state) {
    (void)state;
    check_network((struct vgg){&vgg_models[0], 1.0 / 32, false, DROPOUT_ELEMENT});
}

int main(void) {
    const struct CMUnitTest tests[] = {DEVICE_TEST(with_bn), DEVICE_TEST(without_bn)};
    return cmocka_run_group_tests(tests, open_device, close_device);
}
