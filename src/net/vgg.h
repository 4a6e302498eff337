/* vgg.h - the VGG family as tables of layers (Simonyan and Zisserman 2015), in the form of "89.89% on CIFAR-10 in
 * Pytorch": batch normalisation after each convolution, dropout between those of a stage, one hidden linear layer. */
#ifndef VGGCL_NET_VGG_H
#define VGGCL_NET_VGG_H

#include "layers/layer.h"

enum { VGG_STAGES = 5, VGG_LAYERS = 96 };

/* convolutions: how many each stage has. */
struct vgg_model {
    const char *name;
    int convolutions[VGG_STAGES];
};
extern const struct vgg_model vgg_models[]; /* vgg11, vgg13, vgg16, vgg19; ended by a row without name */

/* What is built: dropout is what stands between convolutions, classifier_dropout, of elements, before the linear
 * layers, where Simonyan and Zisserman have all of it; width scales every number of channels, rounded to the nearest
 * (ties to even), at least 1. */
struct vgg {
    const struct vgg_model *model;
    double width;
    bool bn;
    enum dropout dropout;
    bool classifier_dropout;
};

/* Writes the table of v's layers; returns how many. */
size_t vgg_layers(struct vgg v, struct layer_spec specs[VGG_LAYERS]);

extern const struct shape vgg_input; /* 32 x 32 x 3 */

#endif
