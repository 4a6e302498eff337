#include "check/check_channel.h"
#include "check/operators.h"
#include "ops/channel.h"

/* ----------------------------------------------------------------------------------------------------- reference -- */

struct sum reference_column_sum(size_t rows, size_t c, const float *x, size_t column) {
    struct sum sum = {0, 0};
    for (size_t row = 0; row < rows; row++)
        sum_add(&sum, x[row * c + column]);
    return sum;
}

/* A term goes through the additions of its slab, of the slabs that one work-item adds up, and of the work-items of
 * the group; and through a few other operations. */
double slab_roundings(const struct dev *d, size_t rows) {
    size_t slabs = channel_slabs(d, rows), group_items = channel_group_items(d, slabs),
           turns = quotient_up(slabs, group_items);
    return sum_roundings((double)(channel_slab_rows(d, rows) + turns + group_items)) + 4;
}

/* -------------------------------------------------------------------------------------------------------- checks -- */

static void broadcast(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t rows = s.n * s.h * s.w;
    float *bias = rig_floats(rig, s.o, -1, 1);
    struct tensor y = rig_poisoned(rig, rows * s.o);
    struct tensor in = rig_upload(rig, s.o, bias);
    RIG_RUN(rig, channel_broadcast(rig->dev, rows, s.o, in, y));
    RIG_COMPARE(rig, "y", RIG_FLOATS, y, 0, i, sum_exactly(bias[i % s.o]));
}

static void bias_gradient(struct rig *rig, const struct check *check, struct conv_shape s) {
    (void)check;
    size_t rows = s.n * s.h * s.w;
    float *dy = rig_activations(rig, rows * s.o);
    struct tensor sum = rig_poisoned(rig, s.o);
    struct tensor gradient = rig_upload_stored(rig, rows * s.o, dy);
    struct tensor workspace = rig_poisoned(rig, channel_workspace(rig->dev, rows, s.o));
    RIG_RUN(rig, channel_sum(rig->dev, rows, s.o, gradient, sum, workspace));
    RIG_COMPARE(rig, "sum", RIG_FLOATS, sum, slab_roundings(rig->dev, rows), k, reference_column_sum(rows, s.o, dy, k));
}

const struct check channel_checks[] = {
    CHECK("bias broadcast", "channel/broadcast", "conv", N | H | W | O, broadcast),
    CHECK("bias gradient", "channel/column_sum*", "conv", N | H | W | O, bias_gradient),
    {0},
};
