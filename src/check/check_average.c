#include "check/operators.h"
#include "ops/average.h"

static void swap(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o;
    const float *a = rig_floats(rig, count, -1, 1), *b = rig_floats(rig, count, -1, 1);
    struct tensor first = rig_upload(rig, count, a), second = rig_upload(rig, count, b);
    RIG_RUN(rig, average_swap(rig->dev, first, second));
    RIG_COMPARE(rig, "first", RIG_FLOATS, first, 0, i, sum_exactly(b[i]));
    RIG_COMPARE(rig, "second", RIG_FLOATS, second, 0, i, sum_exactly(a[i]));
}

const struct check average_checks[] = {
    CHECK("change with averages", "average/average_swap", "conv", C | O, swap),
    {0},
};
