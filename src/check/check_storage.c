#include "check/operators.h"
#include "ops/conv/im2col.h"
#include "ops/storage.h"

/* The pixels start after one that does not belong to the chunk. */
static void storage(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t pixels = s.n * s.h * s.w, count = (pixels + 1) * s.o;
    float *x = rig_activations(rig, count), *from = rig_floats(rig, count, -1, 1), *bias = rig_floats(rig, s.o, -1, 1);
    struct tensor y = rig_upload_stored(rig, count, x), wide = rig_poisoned(rig, pixels * s.o);
    RIG_RUN(rig, storage_widen(rig->dev, pixels, s.o, y, 1, wide));
    RIG_COMPARE(rig, "widened", RIG_FLOATS, wide, 0, i, sum_exactly(x[s.o + i]));
    struct tensor floats = rig_upload(rig, count, from), biases = rig_upload(rig, s.o, bias);
    RIG_RUN(rig, storage_narrow(rig->dev, pixels, s.o, floats, biases, y, 1));
    RIG_COMPARE(rig, "narrowed", RIG_FLOATS, y, 1, i,
                i < s.o ? sum_exactly(x[i]) : sum_plus(sum_of(from[i - s.o]), bias[i % s.o]));
}

const struct check storage_checks[] = {
    CHECK_OF(&conv_im2col, ANY, "storage", "storage/*", N | H | W | O, storage),
    {0},
};
