/* vgg.c - the VGG family (Simonyan and Zisserman 2015) in the form of "89.89% on CIFAR-10 in Pytorch": stages of 3x3
 * convolutions, each with batch normalisation and ReLU, a pooling after each stage, and two linear layers, or as many
 * as a list says. Dropout is between the convolutions of a stage and before the linear layers.
 *
 * A pooling halves height and width, rounded down. Where one of them is 1 already, it is left out of the models with
 * names, and an error in a list of layers. So the linear layers of a model with a name get
 *     1x1 pixels of images of 8x8 (4, 2, 1: three poolings), of 28x28 (14, 7, 3, 1: four) and of 32x32 (five),
 *     2x2 of 64x64, 7x7 of 224x224, 8x8 of 256x256, 1x2 of 32x64. */
#include "nets/model.h"
#include "nets/layer_list.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The layers of the model, whose shape is the text of a valid list. */
static struct layer_list layers_of(const struct model *m) {
    struct layer_list list;
    if (layer_list_read(m->shape, &list) != VGGCL_OK ||
        (m->linear && layer_list_linear(m->name, m->linear, &list) != VGGCL_OK))
        list.count = 0;
    return list;
}

bool vgg_layers(const struct model *m, struct layer_list *layers) {
    *layers = layers_of(m);
    return layers->count > 0;
}

/* The dropout after a convolution, except the last of its stage. */
static float dropout_of(const struct list_convolution *c) {
    return c->stage == 1 ? 0.3f : 0.4f;
}

/* ----------------------------------------------------------------------------------------------------- building -- */

static size_t scaled(size_t channels, double width) {
    double nearest = rint((double)channels * width);
    return nearest < 1 ? 1 : (size_t)nearest;
}

enum { LAYER_NAME = sizeof((struct layer_spec *)0)->name };

/* "conv2_1": number i, from 1, of a stage, from 1. */
static void stage_name(char name[LAYER_NAME], const char *stem, short stage, short i) {
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
    const struct layer_list list = layers_of(m);
    for (size_t i = 0; i < list.count; i++)
        if (list.convolutions[i].pooling)
            halve(&height, &width);
    return height * width;
}

static void add_convolution(struct layer_spec **end, const struct list_convolution *c, const struct model_options *o,
                            bool pool, bool last) {
    struct layer_spec *conv = add(end, &layer_conv), *activation = add(end, &layer_activation);
    stage_name(conv->name, "conv", c->stage, c->number);
    conv->channels = scaled(c->channels, o->width);
    conv->bn = o->bn;
    conv->identity = o->identity && (c->stage > 1 || c->number > 1);
    stage_name(activation->name, o->bn ? "bn" : "relu", c->stage, c->number);
    activation->bn = o->bn;
    activation->pool = pool;
    if (last)
        drop_before_linear(activation, o);
    else if (!c->ends_stage)
        drop(activation, o->dropout, dropout_of(c));
}

/* Linear layer i, from 0: fc1, fc2, .... */
static void add_linear(struct layer_spec **end, size_t i, size_t outputs) {
    struct layer_spec *spec = add(end, &layer_linear);
    snprintf(spec->name, sizeof spec->name, "fc%zu", i + 1);
    spec->channels = outputs;
}

static bool takes_side(size_t side) {
    return DATA_LEAST_SIDE <= side && side <= DATA_MOST_SIDE;
}

/* Of a list, every pooling must fit. */
static enum vggcl_err check_poolings(const struct model *m, const struct data_spec *data) {
    const struct layer_list list = layers_of(m);
    size_t height = data->height, width = data->width;
    for (size_t i = 0; i < list.count; i++)
        if (list.convolutions[i].pooling && !halve(&height, &width))
            return err_set(VGGCL_EUSAGE,
                           "model %s: element %d, 'M', does not fit: images of %zux%zu pixels have become "
                           "%zux%zu there; remove it",
                           m->name, list.convolutions[i].pooling, data->height, data->width, height, width);
    return VGGCL_OK;
}

static enum vggcl_err build(const struct model *m, const struct model_options *o, const struct data_spec *data,
                            struct layer_spec specs[MODEL_LAYERS], size_t *count) {
    struct layer_spec *end = specs;
    const struct layer_list list = layers_of(m);
    size_t height = data->height, width = data->width;
    if (!takes_side(height) || !takes_side(width))
        return err_set(VGGCL_EUSAGE, "%s: takes images of %d to %d pixels in height and width, not %zux%zu", m->name,
                       DATA_LEAST_SIDE, DATA_MOST_SIDE, height, width);
    for (size_t i = 0; i < list.count; i++) {
        const struct list_convolution *c = &list.convolutions[i];
        add_convolution(&end, c, o, c->pooling && halve(&height, &width), i + 1 == list.count);
    }
    add_named(&end, o->avgpool ? &layer_avgpool : &layer_flatten, o->avgpool ? "avgpool" : "flatten");
    for (size_t i = 0; i < list.linear_count; i++) {
        add_linear(&end, i, scaled(list.linear[i], o->width));
        struct layer_spec *relu = add(&end, &layer_activation);
        snprintf(relu->name, sizeof relu->name, "relu%d", (int)i + 1);
        drop_before_linear(relu, o);
    }
    add_linear(&end, list.linear_count, data->classes);
    *count = (size_t)(end - specs);
    return VGGCL_OK;
}

static enum vggcl_err build_list(const struct model *m, const struct model_options *o, const struct data_spec *data,
                                 struct layer_spec specs[MODEL_LAYERS], size_t *count) {
    TRY(build(m, o, data, specs, count));
    return check_poolings(m, data);
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

static bool has_convolutions(const struct layer_list *list, const struct model_tensors *t, double width) {
    size_t shape[MODEL_RANK];
    for (size_t i = 0; i < list->count; i++) {
        const struct list_convolution *c = &list->convolutions[i];
        if (!conv_shape(t, c->stage, c->number, shape) || shape[0] != scaled(c->channels, width) ||
            (c->ends_stage && conv_shape(t, c->stage, c->number + 1, shape)))
            return false;
    }
    return list->count && !conv_shape(t, list->convolutions[list->count - 1].stage + 1, 1, shape);
}

/* The shape of linear layer i, from 0; false where the file has none. */
static bool linear_shape(const struct model_tensors *t, size_t i, size_t shape[MODEL_RANK]) {
    char name[TENSOR_NAME];
    snprintf(name, sizeof name, "fc%zu.weight", i + 1);
    return t->rank(t->file, name, shape) == 2 && shape[0];
}

/* The number of linear layers, LIST_LINEAR + 2 if there are more than a list may have. */
static size_t count_linear(const struct model_tensors *t) {
    size_t shape[MODEL_RANK], count = 0;
    while (count < LIST_LINEAR + 2 && linear_shape(t, count, shape))
        count++;
    return count;
}

static double width_of(const size_t hidden[MODEL_RANK]) {
    return (double)hidden[0] / LIST_HIDDEN;
}

static bool has_linear(const struct layer_list *list, const struct model_tensors *t, double width) {
    size_t shape[MODEL_RANK];
    for (size_t i = 0; i < list->linear_count; i++)
        if (!linear_shape(t, i, shape) || shape[0] != scaled(list->linear[i], width))
            return false;
    return true;
}

static bool recognise(const struct model *m, const struct model_tensors *t, struct model_found *found) {
    size_t first[MODEL_RANK], linear[MODEL_RANK], output[MODEL_RANK], bn[MODEL_RANK];
    const struct layer_list list = layers_of(m);
    if (count_linear(t) != list.linear_count + 1)
        return false;
    linear_shape(t, 0, linear);
    linear_shape(t, list.linear_count, output);
    if (!(found->width > 0))
        found->width = list.linear_given ? 1 : width_of(linear);
    if (!has_linear(&list, t, found->width) || !has_convolutions(&list, t, found->width))
        return false;
    size_t last = scaled(list.convolutions[list.count - 1].channels, found->width);
    if (linear[1] % last)
        return false;
    conv_shape(t, 1, 1, first);
    found->bn = t->rank(t->file, "bn1_1.weight", bn) > 0;
    found->data.channels = first[1];
    found->data.classes = output[0];
    found->pixels = linear[1] / last;
    return true;
}

bool vgg_linear(const struct model_tensors *t, char text[static VGGCL_MODEL_MAX]) {
    size_t shape[MODEL_RANK], used = 0, count = count_linear(t);
    if (!count || count > LIST_LINEAR + 1)
        return false;
    if (count == 1)
        snprintf(text, VGGCL_MODEL_MAX, ",L0");
    for (size_t i = 0; i + 1 < count && linear_shape(t, i, shape) && shape[0] <= LIST_CHANNELS; i++)
        used += (size_t)snprintf(text + used, VGGCL_MODEL_MAX - used, ",L%zu", shape[0]);
    return count == 1 || used;
}

bool vgg_list(const struct model_tensors *t, bool with_linear, char text[static VGGCL_MODEL_MAX]) {
    char linear[VGGCL_MODEL_MAX];
    size_t shape[MODEL_RANK], hidden[MODEL_RANK], used = 0;
    int convolutions = 0;
    if (!vgg_linear(t, linear) || !linear_shape(t, 0, hidden))
        return false;
    for (int stage = 1; conv_shape(t, stage, 1, shape); stage++) {
        for (int i = 1; conv_shape(t, stage, i, shape); i++) {
            double channels = rint((double)shape[0] / (with_linear ? 1 : width_of(hidden)));
            if (++convolutions > LIST_CONVOLUTIONS || !(channels >= 1 && channels <= LIST_CHANNELS))
                return false;
            used += (size_t)snprintf(text + used, VGGCL_MODEL_MAX - used, "%s%zu", used ? "," : "", (size_t)channels);
        }
        used += (size_t)snprintf(text + used, VGGCL_MODEL_MAX - used, ",M");
    }
    if (used && with_linear)
        snprintf(text + used, VGGCL_MODEL_MAX - used, "%s", linear);
    return used > 0;
}

struct model vgg_of(const char *list) {
    return (struct model){list, list, NULL, build_list, recognise, pixels};
}

#define VGG(name, list) const struct model model_##name = {#name, list, NULL, build, recognise, pixels};
VGG(vgg11, "64,M,128,M,256,256,M,512,512,M,512,512,M")
VGG(vgg13, "64,64,M,128,128,M,256,256,M,512,512,M,512,512,M")
VGG(vgg16, "64,64,M,128,128,M,256,256,256,M,512,512,512,M,512,512,512,M")
VGG(vgg19, "64,64,M,128,128,M,256,256,256,256,M,512,512,512,512,M,512,512,512,512,M")
