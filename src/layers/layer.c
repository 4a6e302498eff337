#include "layers/layer.h"
#include "files/onnx.h"

#include <stdio.h>

void layer_parameter_name(const struct layer *l, int i, char name[static PARAMETER_NAME]) {
    snprintf(name, PARAMETER_NAME, "%s.%s", l->spec.name, l->parameters[i].suffix);
}

void layer_onnx_node(const struct layer *l, struct onnx *graph, const char *operator_name,
                     const struct onnx_attribute *attributes) {
    char names[LAYER_PARAMETERS][PARAMETER_NAME];
    const char *tensors[LAYER_PARAMETERS + 1] = {NULL};
    for (int i = 0; i < l->parameter_count; i++) {
        layer_parameter_name(l, i, names[i]);
        tensors[i] = names[i];
    }
    onnx_node(graph, operator_name, l->spec.name, tensors, attributes);
}

static double activation_bytes(size_t n, struct shape shape, enum stored stored) {
    return 4.0 * (double)storage_words(n * shape_count(shape), stored);
}

static double moved_bytes(const struct layer *l, size_t n) {
    return activation_bytes(n, l->in, l->x.stored) + activation_bytes(n, l->out, l->y.stored);
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
