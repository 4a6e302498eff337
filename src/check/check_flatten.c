#include "check/operators.h"
#include "ops/flatten.h"

static void flatten(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t plane = s.h * s.w, image = plane * s.c, count = s.n * image;
    float *x = rig_activations(rig, count);
    struct tensor on_device = rig_upload_stored(rig, count, x), y = rig_poisoned(rig, count);
    struct tensor dx = rig_poisoned_stored(rig, count);
    RIG_RUN(rig, flatten_forward(rig->dev, s.n, plane, s.c, on_device, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 0, i, sum_exactly(x[i / image * image + i % plane * s.c + i % image / plane]));
    RIG_RUN(rig, flatten_backward(rig->dev, s.n, plane, s.c, y, dx));
    RIG_COMPARE(rig, "dx", RIG_FLOATS, dx, 0, i, sum_exactly(x[i]));
}

const struct check flatten_checks[] = {
    CHECK("flatten", "flatten/*", "flatten", IMAGES, flatten),
    {0},
};
