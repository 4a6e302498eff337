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

const struct shape vgg_input = {32, 32, 3};

static size_t scaled(size_t channels, double width) {
    double nearest = rint((double)channels * width);
    return nearest < 1 ? 1 : (size_t)nearest;
}

/* Appends a layer called stem, or "stem<stage>_<i>" where it belongs to a stage. */
static struct layer_spec *add(struct layer_spec **end, const struct layer_type *type, const char *stem, int stage,
                              int i) {
    struct layer_spec *spec = (*end)++;
    *spec = (struct layer_spec){.type = type};
    if (stage)
        snprintf(spec->name, sizeof spec->name, "%s%d_%d", stem, stage, i);
    else
        snprintf(spec->name, sizeof spec->name, "%s", stem);
    return spec;
}

static void drop(struct layer_spec *spec, enum dropout dropout, float p) {
    spec->dropout = dropout;
    spec->p = dropout ? p : 0;
}

static void drop_before_linear(struct layer_spec *spec, struct vgg v) {
    drop(spec, v.classifier_dropout ? DROPOUT_ELEMENT : DROPOUT_NONE, 0.5f);
}

static void add_stage(struct layer_spec **end, struct vgg v, int stage) {
    int convolutions = v.model->convolutions[stage - 1];
    for (int i = 1; i <= convolutions; i++) {
        struct layer_spec *conv = add(end, &layer_conv, "conv", stage, i);
        conv->channels = scaled(stages[stage - 1].channels, v.width);
        conv->bn = v.bn;
        struct layer_spec *activation = add(end, &layer_activation, v.bn ? "bn" : "relu", stage, i);
        activation->bn = v.bn;
        activation->pool = i == convolutions;
        if (i < convolutions)
            drop(activation, v.dropout, stages[stage - 1].dropout);
        else if (stage == VGG_STAGES)
            drop_before_linear(activation, v);
    }
}

size_t vgg_layers(struct vgg v, struct layer_spec specs[VGG_LAYERS]) {
    struct layer_spec *end = specs;
    for (int stage = 1; stage <= VGG_STAGES; stage++)
        add_stage(&end, v, stage);
    add(&end, &layer_flatten, "flatten", 0, 0);
    add(&end, &layer_linear, "fc1", 0, 0)->channels = scaled(stages[VGG_STAGES - 1].channels, v.width);
    drop_before_linear(add(&end, &layer_activation, "relu1", 0, 0), v);
    add(&end, &layer_linear, "fc2", 0, 0)->channels = VGGCL_CLASSES;
    return (size_t)(end - specs);
}
