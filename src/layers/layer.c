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

/* Bytes of the activations, or gradients, of a pass's images. */
static double bytes_of(const struct pass *pass, struct shape shape, enum stored stored) {
    return 4.0 * (double)storage_words(pass->n * shape_count(shape), stored);
}
static double input_bytes(const struct layer *l, const struct pass *pass) {
    return bytes_of(pass, l->in, l->x.stored);
}
static double output_bytes(const struct layer *l, const struct pass *pass) {
    return bytes_of(pass, l->out, l->y.stored);
}

struct layer_cost layer_multiplies(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    double weights = (double)parameter_count(&l->parameters[0]), in = input_bytes(l, pass), out = output_bytes(l, pass);
    struct layer_cost cost = {.flops = 2 * weights * (double)(pass->n * l->out.h * l->out.w)};
    if (direction == CONV_DATA_GRADIENT && !l->needs_dx)
        return (struct layer_cost){0};
    cost.operations = cost.flops;
    cost.reads = direction == CONV_FORWARD         ? in + 4 * weights
                 : direction == CONV_DATA_GRADIENT ? out + 4 * weights
                                                   : in + out;
    cost.writes = direction == CONV_FORWARD ? out : direction == CONV_DATA_GRADIENT ? in : 4 * weights;
    return cost;
}

struct layer_cost layer_moves(const struct layer *l, const struct pass *pass, enum conv_direction direction) {
    if (direction == CONV_FORWARD)
        return (struct layer_cost){.reads = input_bytes(l, pass), .writes = output_bytes(l, pass)};
    if (direction == CONV_DATA_GRADIENT && l->needs_dx)
        return (struct layer_cost){.reads = output_bytes(l, pass), .writes = input_bytes(l, pass)};
    return (struct layer_cost){0};
}
