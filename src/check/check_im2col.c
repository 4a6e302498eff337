#include "check/check_conv.h"
#include "check/operators.h"
#include "ops/conv/conv.h"
#include "ops/conv/im2col.h"

/* The images start after one that does not belong to the chunk. */
static void columns(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t plane = s.h * s.w, pixels = s.n * plane, count = (plane + pixels) * s.c;
    float *x = rig_activations(rig, count);
    struct tensor column = rig_poisoned(rig, pixels * 9 * s.c);
    struct kernel kernel = im2col_kernel(rig->dev, s.c, rig->context.stored);
    struct tensor in = rig_upload_stored(rig, count, x);
    RIG_RUN(rig, im2col(rig->dev, &kernel, s, in, 1, column));
    for (struct rig_output r = rig_read(rig, "column", RIG_FLOATS, column, 0); r.open; rig_judge(rig, &r)) {
        for (size_t i; rig_next(&r, &i);) {
            long from = conv_neighbour(s, i / (9 * s.c), i / s.c % 9);
            rig_expect(&r, sum_exactly(from < 0 ? 0 : x[(plane + (size_t)from) * s.c + i % s.c]));
        }
    }
}

static void rotation(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t count = 9 * s.c * s.o;
    float *weight = rig_floats(rig, count, -1, 1);
    struct tensor rotated = rig_poisoned(rig, count);
    struct kernel kernel = rotate_weight_kernel(rig->dev, s.c, s.o);
    struct tensor in = rig_upload(rig, count, weight);
    RIG_RUN(rig, rotate_weight(rig->dev, &kernel, s.c, s.o, in, rotated));
    RIG_COMPARE(rig, "rotated", RIG_FLOATS, rotated, 0, i, sum_exactly(reference_rotated(s.c, s.o, weight, i)));
}

const struct check im2col_checks[] = {
    CHECK_OF(&conv_im2col, ANY, "im2col", "im2col/im2col", IMAGES, columns),
    CHECK_OF(&conv_im2col, BACK, "weight rotation", "im2col/rotate_weight", C | O, rotation),
    {0},
};
