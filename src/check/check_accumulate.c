#include "check/operators.h"
#include "ops/accumulate.h"

static void accumulations(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o;
    const float *a = rig_floats(rig, count, -1, 1), *b = rig_floats(rig, count, -1, 1);
    struct tensor sum = rig_poisoned(rig, count);
    struct tensor first = rig_upload(rig, count, a), second = rig_upload(rig, count, b);
    RIG_RUN(rig, accumulate(rig->dev, true, first, sum));
    RIG_COMPARE(rig, "first", RIG_FLOATS, sum, 0, i, sum_exactly(a[i]));
    RIG_RUN(rig, accumulate(rig->dev, false, second, sum));
    RIG_COMPARE(rig, "second", RIG_FLOATS, sum, 1, i, sum_plus(sum_of(a[i]), b[i]));
}

const struct check accumulate_checks[] = {
    CHECK("gradient accumulation", "accumulate/accumulate", "conv", C | O, accumulations),
    {0},
};
