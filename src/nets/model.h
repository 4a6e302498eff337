/* model.h - the interface of a network model, and the list of models.
 *
 * To add a model: write a file that defines a `const struct model model_NAME`, and add NAME to MODELS. The words of
 * --model and the recognition of weights files follow from that list. */
#ifndef VGGCL_NETS_MODEL_H
#define VGGCL_NETS_MODEL_H

#include "data/dataset.h"
#include "layers/layer.h"
#include "nets/layer_list.h"

/* In the order of the words of --model. */
#define MODELS(ROW) ROW(vgg11) ROW(vgg13) ROW(vgg16) ROW(vgg19)

enum { MODEL_LAYERS = 136, MODEL_RANK = 4 }; /* the most layers of a model, and dimensions of a tensor */

/* What a user may choose of any model. */
struct model_options {
    double width;            /* scales every number of channels; rounded to the nearest (ties to even), at least 1 */
    bool bn;                 /* batch normalisation after each convolution */
    enum dropout dropout;    /* between convolutions */
    bool classifier_dropout; /* of elements, before the linear layers */
    bool avgpool;            /* global average pooling before the linear layers, which get one pixel then */
    bool identity;           /* all convolutions but the first start near the identity */
};

/* The tensors of a weights file: rank() returns the number of dimensions of the tensor of that name and writes them to
 * shape, in PyTorch's order; 0 where the file has no such tensor. */
struct model_tensors {
    const void *file;
    int (*rank)(const void *file, const char *name, size_t shape[MODEL_RANK]);
};

/* What the names and shapes of tensors say about a network. */
struct model_found {
    char model[VGGCL_MODEL_MAX]; /* as --model takes it: for model_find() */
    double width;
    bool bn;
    struct data_spec data; /* classes, channels; height and width are 0: many sizes have the same weights; no names */
    size_t pixels;         /* that are left of an image in front of the linear layers: see pixels() of struct model */
};

struct model {
    const char *name;   /* as --model takes it */
    const void *shape;  /* tells the models of a family apart; only the model's own file looks at it */
    const char *linear; /* other linear layers than the model's own, as in nets/layer_list.h: "L4096,L4096"; or NULL */

    /* Writes the layers of the network for images and classes of `data`, *count of them. VGGCL_EUSAGE, naming the size,
     * where a side is not from DATA_LEAST_SIDE to DATA_MOST_SIDE, or the model has no network for it. */
    enum vggcl_err (*build)(const struct model *m, const struct model_options *options, const struct data_spec *data,
                            struct layer_spec specs[MODEL_LAYERS], size_t *count);

    /* Whether the tensors are those of this model, with the width in *found or, if that is 0, any width; *found gets
     * all but the model. */
    bool (*recognise)(const struct model *m, const struct model_tensors *tensors, struct model_found *found);

    /* Number of pixels that pooling leaves of an image in front of the linear layers. Images for which it is the same
     * have weights of the same shapes. */
    size_t (*pixels)(const struct model *m, size_t height, size_t width);
};

#define MODEL_DECLARE(name) extern const struct model model_##name;
MODELS(MODEL_DECLARE)
#undef MODEL_DECLARE

/* All models and their names, in the same order; both end with NULL. */
extern const struct model *const models[];
extern const char *const model_names[];

/* The model that text names: one of MODELS, also with other linear layers ("vgg16,L4096,L4096"), or a VGG of the layers
 * in a list (nets/layer_list.h). *m keeps text, which must stay. VGGCL_EUSAGE if it is neither. */
enum vggcl_err model_find(const char *text, struct model *m);

/* Finds the model whose tensors these are; false where there is none. text and width are what the file's metadata says,
 * NULL and 0 if it does not; they are used if the tensors agree. */
bool model_recognise(const struct model_tensors *tensors, const char *text, double width, struct model_found *found);

/* The layers of a VGG; false if it is none. */
bool vgg_layers(const struct model *m, struct layer_list *layers);

/* VGG with the layers of a valid list. */
struct model vgg_of(const char *list);

/* The list of the layers whose tensors these are: at width 1 with its linear layers, or without them, at the width that
 * the hidden linear layer has. False if there is none. It ends with a pooling, because tensors do not show whether one
 * is there. vgg_linear() is the list of the linear layers alone, with a comma before each: ",L4096,L4096". */
bool vgg_list(const struct model_tensors *tensors, bool with_linear, char text[static VGGCL_MODEL_MAX]);
bool vgg_linear(const struct model_tensors *tensors, char text[static VGGCL_MODEL_MAX]);

#endif
