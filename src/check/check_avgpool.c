#include "check/operators.h"
#include "ops/avgpool.h"

static void average_pooling(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t plane = s.h * s.w, image = plane * s.c, features = s.n * s.c;
    float *x = rig_activations(rig, s.n * image), *dy = rig_floats(rig, features, -1, 1);
    struct tensor y = rig_poisoned(rig, features), dx = rig_poisoned_stored(rig, s.n * image);
    struct tensor in = rig_upload_stored(rig, s.n * image, x), gradient = rig_upload(rig, features, dy);
    RIG_RUN(rig, avgpool_forward(rig->dev, s.n, plane, s.c, in, y));
    for (struct rig_output r = rig_read(rig, "y", RIG_FLOATS, y, sum_roundings((double)plane)); r.open;
         rig_judge(rig, &r)) {
        for (size_t i; rig_next(&r, &i);) {
            struct sum mean = {0, 0};
            for (size_t pixel = 0; pixel < plane; pixel++)
                sum_add(&mean, x[i / s.c * image + pixel * s.c + i % s.c] / (double)plane);
            rig_expect(&r, mean);
        }
    }
    RIG_RUN(rig, avgpool_backward(rig->dev, s.n, plane, s.c, gradient, dx));
    RIG_COMPARE(rig, "dx", RIG_FLOATS, dx, 1, i, sum_of(dy[i / image * s.c + i % s.c] / (double)plane));
}

const struct check avgpool_checks[] = {
    CHECK("global average pooling", "avgpool/*", "avgpool", IMAGES, average_pooling),
    {0},
};
