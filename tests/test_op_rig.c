/* The rig on which all checks rely: it finds a wrong element, a NaN and a write past an output, and no false faults. */
#include "common.h"

#include <math.h>
#include <string.h>

enum { COUNT = 5000 };

/* Compares an output that is its own expectation but for `changed` at one element. */
static struct comparison compare(size_t sample, enum rig_kind kind, size_t at, float changed, double roundings) {
    struct rig rig = {.dev = device, .sample = sample};
    rig_start(&rig);
    float *expected = rig_floats(&rig, COUNT, 1, 2), *got = rig_zeros(&rig, COUNT * sizeof *got);
    for (size_t i = 0; i < COUNT; i++)
        got[i] = i == at ? changed : expected[i];
    RIG_COMPARE(&rig, "y", kind, rig_upload(&rig, COUNT, got), roundings, i, sum_of(expected[i]));
    struct comparison result = rig.result;
    CHECK(rig_end(&rig));
    return result;
}

static void wrong_elements(void **state) {
    (void)state;
    assert_int_equal(compare(SIZE_MAX, RIG_FLOATS, COUNT, 0, 0).wrong, 0);
    struct comparison wrong = compare(SIZE_MAX, RIG_FLOATS, 77, 3, 100);
    assert_true(wrong.wrong == 1 && wrong.first == 77 && wrong.got == 3 && wrong.compared == COUNT);
    assert_true(wrong.error > 0.3 && wrong.error < 2.1);
    assert_int_equal(compare(SIZE_MAX, RIG_SPREAD, 77, 3, 100).wrong, 1);
    assert_int_equal(compare(SIZE_MAX, RIG_FLOATS, 77, 3, 1e9).wrong, 0);
}

/* Of a sample the first and the last element are compared, and all must be finite. */
static void samples(void **state) {
    (void)state;
    assert_int_equal(compare(64, RIG_FLOATS, COUNT, 0, 0).compared, 64);
    assert_int_equal(compare(64, RIG_FLOATS, 0, 3, 100).wrong, 1);
    assert_int_equal(compare(64, RIG_FLOATS, COUNT - 1, 3, 100).wrong, 1);
    for (size_t i = 0; i < COUNT; i += 499) {
        struct comparison wrong = compare(64, RIG_FLOATS, i, NAN, 100);
        assert_true(wrong.wrong == 1 && wrong.compared == COUNT && wrong.first == i && isinf(wrong.error));
    }
}

/* A NaN must be met by a NaN; a number that a device may take for zero, by either. */
static void special_values(void **state) {
    (void)state;
    const float got[] = {NAN, 0, 1e-39f, INFINITY};
    const double expected[] = {NAN, 1e-39, 0, INFINITY}, wrong[] = {1, NAN, 1, -INFINITY};
    struct rig rig = {.dev = device, .sample = SIZE_MAX};
    rig_start(&rig);
    struct tensor y = rig_upload(&rig, 4, got);
    RIG_COMPARE(&rig, "y", RIG_FLOATS, y, 1, i, sum_of(expected[i]));
    assert_int_equal(rig.result.wrong, 0);
    RIG_COMPARE(&rig, "y", RIG_FLOATS, y, 1, i, sum_of(wrong[i]));
    assert_int_equal(rig.result.wrong, 4);
    char fault[RIG_FAULT];
    rig_fault(&rig.result, fault);
    assert_non_null(strstr(fault, "y[0] is nan, expected 1 "));
    CHECK(rig_end(&rig));
}

/* The worst of several outputs is kept. */
static void several_outputs(void **state) {
    (void)state;
    struct rig rig = {.dev = device, .sample = SIZE_MAX};
    rig_start(&rig);
    struct tensor y = rig_upload(&rig, 1, (const float[]){1});
    RIG_COMPARE(&rig, "near", RIG_FLOATS, y, 1, i, sum_of(1.0000001));
    RIG_COMPARE(&rig, "far", RIG_FLOATS, y, 1, i, sum_of(2));
    RIG_COMPARE(&rig, "right", RIG_FLOATS, y, 1, i, sum_of(1));
    assert_string_equal(rig.result.name, "far");
    CHECK(rig_end(&rig));
}

/* One word right before an output, and right behind it. */
static void guards(void **state) {
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        struct rig rig = {.dev = device, .sample = SIZE_MAX};
        rig_start(&rig);
        struct tensor y = rig_poisoned(&rig, 7);
        CHECK(rig.err);
        cl_mem block;
        size_t offset, at;
        clGetMemObjectInfo(y.mem, CL_MEM_OFFSET, sizeof offset, &offset, NULL);
        clGetMemObjectInfo(y.mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof block, &block, NULL);
        at = offset / 4 + (behind ? 7 : (size_t)-1);
        CHECK(dev_fill(device, (struct tensor){block, at + 1, false}, at, 1, 0x12345678));
        CHECK_FAILS(rig_end(&rig), VGGCL_EWRONG, "0x12345678", behind ? "word 7 " : "word -1 ", "7 words");
    }
}

/* After an error nothing more is done, and it is told once. */
static void errors(void **state) {
    (void)state;
    struct rig rig = {.dev = device, .sample = SIZE_MAX};
    rig_start(&rig);
    RIG_RUN(&rig, err_set(VGGCL_EIO, "no such thing"));
    RIG_RUN(&rig, err_set(VGGCL_EUSAGE, "not reached"));
    assert_null(rig_floats(&rig, 5, 0, 1));
    RIG_COMPARE(&rig, "y", RIG_FLOATS, rig_poisoned(&rig, 5), 1, i, sum_of(0));
    assert_null(rig.result.name);
    CHECK_FAILS(rig_end(&rig), VGGCL_EIO, "no such thing");
    CHECK(rig_end(&rig));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(wrong_elements),  DEVICE_TEST(samples), DEVICE_TEST(special_values),
        DEVICE_TEST(several_outputs), DEVICE_TEST(guards),  DEVICE_TEST(errors),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
