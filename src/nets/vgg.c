/* vgg.c - the VGG family (Simonyan and Zisserman 2015) in the form of "89.89% on CIFAR-10 in Pytorch": five stages of
 * 3x3 convolutions, each with batch normalisation and ReLU, a pooling after each stage, and two linear layers. Dropout
 * is between the convolutions of a stage and before the linear layers.
 *
 * A pooling halves height and width, rounded down. It is left out where one of them is 1 already. So the linear layers
 * get
 *     1x1 pixels of images of 8x8 (4, 2, 1: three poolings), of 28x28 (14, 7, 3, 1: four) and of 32x32 (five),
 *     2x2 of 64x64, 7x7 of 224x224, 8x8 of 256x256, 1x2 of 32x64. */
#include "nets/model.h"

#include <math.h>
#include <stdio.h>

enum { STAGES = 5 };

/* Of a stage at width 1: the outputs of each of its convolutions, and the dropout after all but the last. */
static const struct {
    size_t channels;
    float dropout;
} stages[STAGES] = {{64, 0.3f}, {128, 0.4f}, {256, 0.4f}, {512, 0.4f}, {512, 0.4f}};

static const size_t hidden_channels = 512; /* outputs of fc1 at width 1 */

/* The number of convolutions in each stage. */
static const int *convolutions(const struct model *m) {
    return m->shape;
}

/* ----------------------------------------------------------------------------------------------------- building -- */

static size_t scaled(size_t channels, double width) {
    double nearest = rint((double)channels * width);
    return nearest < 1 ? 1 : (size_t)nearest;
}

enum { LAYER_NAME = sizeof((struct layer_spec *)0)->name };

/* "conv2_1": number i, from 1, of a stage, from 1. */
static void stage_name(char name[LAYER_NAME], const char *stem, int stage, int i) {
    snprintf(name, LAYER_NAME, "%s%d_%d", stem, stage, i);
}

/* Appends a layer; its name is still to be set. */
static struct layer_spec *add(struct layer_spec **end, const struct layer_type *type) {
    struct layer_spec *spec = (*end)++;
    *spec = (struct layer_spec){.type = type};
    return spec;
}

static struct layer_spec *add_named(struct layer_spec **end, const struct layer_type *type, const char *name) {
    struct layer_spec *spec = add(end, type);
    snprintf(spec->name, sizeof spec->name, "%s", name);
    return spec;
}

static void drop(struct layer_spec *spec, enum dropout dropout, float p) {
    spec->dropout = dropout;
    spec->p = dropout ? p : 0;
}

static void drop_before_linear(struct layer_spec *spec, const struct model_options *o) {
    drop(spec, o->classifier_dropout ? DROPOUT_ELEMENT : DROPOUT_NONE, 0.5f);
}

/* Whether a pooling fits an image; if so, makes it smaller. */
static bool halve(size_t *height, size_t *width) {
    bool fits = *height >= 2 && *width >= 2;
    *height /= fits ? 2 : 1;
    *width /= fits ? 2 : 1;
    return fits;
}

static size_t pixels(const struct model *m, size_t height, size_t width) {
    (void)m;
    for (int stage = 1; stage <= STAGES; stage++)
        halve(&height, &width);
    return height * width;
}

static void add_stage(struct layer_spec **end, const struct model *m, const struct model_options *o, int stage,
                      bool pool) {
    int count = convolutions(m)[stage - 1];
    for (int i = 1; i <= count; i++) {
        struct layer_spec *conv = add(end, &layer_conv), *activation = add(end, &layer_activation);
        stage_name(conv->name, "conv", stage, i);
        conv->channels = scaled(stages[stage - 1].channels, o->width);
        conv->bn = o->bn;
        stage_name(activation->name, o->bn ? "bn" : "relu", stage, i);
        activation->bn = o->bn;
        activation->pool = pool && i == count;
        if (i < count)
            drop(activation, o->dropout, stages[stage - 1].dropout);
        else if (stage == STAGES)
            drop_before_linear(activation, o);
    }
}

static bool takes_side(size_t side) {
    return DATA_LEAST_SIDE <= side && side <= DATA_MOST_SIDE;
}

static enum vggcl_err build(const struct model *m, const struct model_options *o, const struct data_spec *data,
                            struct layer_spec specs[MODEL_LAYERS], size_t *count) {
    struct layer_spec *end = specs;
    size_t height = data->height, width = data->width;
    if (!takes_side(height) || !takes_side(width))
        return err_set(VGGCL_EUSAGE, "%s: takes images of %d to %d pixels in height and width, not %zux%zu", m->name,
                       DATA_LEAST_SIDE, DATA_MOST_SIDE, height, width);
    for (int stage = 1; stage <= STAGES; stage++)
        add_stage(&end, m, o, stage, halve(&height, &width));
    add_named(&end, &layer_flatten, "flatten");
    add_named(&end, &layer_linear, "fc1")->channels = scaled(hidden_channels, o->width);
    drop_before_linear(add_named(&end, &layer_activation, "relu1"), o);
    add_named(&end, &layer_linear, "fc2")->channels = data->classes;
    *count = (size_t)(end - specs);
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- recognising -- */

enum { TENSOR_NAME = LAYER_NAME + 8 };

/* The shape of convolution i of a stage; false where the file has none, or one that is not a convolution's. */
static bool conv_shape(const struct model_tensors *t, int stage, int i, size_t shape[MODEL_RANK]) {
    char layer[LAYER_NAME], name[TENSOR_NAME];
    stage_name(layer, "conv", stage, i);
    snprintf(name, sizeof name, "%s.weight", layer);
    return t->rank(t->file, name, shape) == 4;
}

static bool has_stages(const struct model *m, const struct model_tensors *t) {
    size_t shape[MODEL_RANK];
    for (int stage = 1; stage <= STAGES; stage++) {
        int count = convolutions(m)[stage - 1];
        for (int i = 1; i <= count + 1; i++)
            if (conv_shape(t, stage, i, shape) != (i <= count))
                return false;
    }
    return true;
}

static bool recognise(const struct model *m, const struct model_tensors *t, struct model_found *found) {
    size_t first[MODEL_RANK], last[MODEL_RANK], hidden[MODEL_RANK], output[MODEL_RANK], bn[MODEL_RANK];
    if (!has_stages(m, t) || t->rank(t->file, "fc1.weight", hidden) != 2 || t->rank(t->file, "fc2.weight", output) != 2)
        return false;
    conv_shape(t, 1, 1, first);
    conv_shape(t, STAGES, convolutions(m)[STAGES - 1], last);
    if (!last[0] || !hidden[0] || hidden[1] % last[0])
        return false;
    found->width = (double)hidden[0] / (double)hidden_channels;
    found->bn = t->rank(t->file, "bn1_1.weight", bn) > 0;
    found->data.channels = first[1];
    found->data.classes = output[0];
    found->pixels = hidden[1] / last[0];
    return true;
}

#define VGG(name, ...)                                                                                                 \
    const struct model model_##name = {#name, (const int[STAGES]){__VA_ARGS__}, build, recognise, pixels};
VGG(vgg11, 1, 1, 2, 2, 2)
VGG(vgg13, 2, 2, 2, 2, 2)
VGG(vgg16, 2, 2, 3, 3, 3)
VGG(vgg19, 2, 2, 4, 4, 4)
