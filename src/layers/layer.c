#include "layers/layer.h"

static double activation_bytes(size_t n, struct shape shape, bool half) {
    return 4.0 * (double)storage_words(n * shape_count(shape), half);
}

static double moved_bytes(const struct layer *l, size_t n) {
    return activation_bytes(n, l->in, l->x.half) + activation_bytes(n, l->out, l->y.half);
}

struct layer_cost layer_multiplies(const struct layer *l, size_t n, enum conv_direction direction) {
    double weights = (double)parameter_count(&l->parameters[0]);
    if (direction == CONV_DATA_GRADIENT && !l->needs_dx)
        return (struct layer_cost){0, 0};
    return (struct layer_cost){2 * weights * (double)(n * l->out.h * l->out.w), moved_bytes(l, n) + 4 * weights};
}

struct layer_cost layer_moves(const struct layer *l, size_t n, enum conv_direction direction) {
    bool runs = direction == CONV_FORWARD || (direction == CONV_DATA_GRADIENT && l->needs_dx);
    return (struct layer_cost){0, runs ? moved_bytes(l, n) : 0};
}
