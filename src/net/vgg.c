#include "net/vgg.h"

#include <math.h>
#include <stdio.h>

const struct vgg_model vgg_models[] = {
    {"vgg11", {1, 1, 2, 2, 2}},
    {"vgg13", {2, 2, 2, 2, 2}},
    {"vgg16", {2, 2, 3, 3, 3}},
    {"vgg19", {2, 2, 4, 4, 4}},
    {NULL, {0}},
};

/* What a stage's convolutions have in common: outputs, and the dropout after each but the last. */
static const struct {
    size_t channels;
    float dropout;
} stages[VGG_STAGES] = {{64, 0.3f}, {128, 0.4f}, {256, 0.4f}, {512, 0.4f}, {512, 0.4f}};

static const float classifier_dropout = 0.5f;

const struct shape vgg_input = {32, 32, 3};

static size_t scaled(size_t channels, double width) {
    double nearest = rint((double)channels * width);
    return nearest < 1 ? 1 : (size_t)nearest;
}

/* Appends a layer called stem, or "stem<stage>_<i>" where it belongs to a stage. */
static void add(struct layer_spec **end, const struct layer_type *type, size_t channels, float p, const char *stem,
                int stage, int i) {
    struct layer_spec *spec = (*end)++;
    *spec = (struct layer_spec){.type = type, .channels = channels, .p = p};
    if (stage)
        snprintf(spec->name, sizeof spec->name, "%s%d_%d", stem, stage, i);
    else
        snprintf(spec->name, sizeof spec->name, "%s", stem);
}

static void add_stage(struct layer_spec **end, struct vgg v, int stage) {
    size_t channels = scaled(stages[stage - 1].channels, v.width);
    int convolutions = v.model->convolutions[stage - 1];
    for (int i = 1; i <= convolutions; i++) {
        add(end, &layer_conv, channels, 0, "conv", stage, i);
        if (v.bn)
            add(end, &layer_bn, 0, 0, "bn", stage, i);
        add(end, &layer_relu, 0, 0, "relu", stage, i);
        if (v.dropout && i < convolutions)
            add(end, v.dropout, 0, stages[stage - 1].dropout, "dropout", stage, i);
    }
    add(end, &layer_pool, 0, 0, "pool", stage, convolutions);
}

size_t vgg_layers(struct vgg v, struct layer_spec specs[VGG_LAYERS]) {
    struct layer_spec *end = specs;
    for (int stage = 1; stage <= VGG_STAGES; stage++)
        add_stage(&end, v, stage);
    add(&end, &layer_flatten, 0, 0, "flatten", 0, 0);
    if (v.dropout)
        add(&end, &layer_dropout_element, 0, classifier_dropout, "dropout1", 0, 0);
    add(&end, &layer_linear, scaled(stages[VGG_STAGES - 1].channels, v.width), 0, "fc1", 0, 0);
    add(&end, &layer_relu, 0, 0, "relu1", 0, 0);
    if (v.dropout)
        add(&end, &layer_dropout_element, 0, classifier_dropout, "dropout2", 0, 0);
    add(&end, &layer_linear, VGGCL_CLASSES, 0, "fc2", 0, 0);
    return (size_t)(end - specs);
}
