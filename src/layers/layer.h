/* layer.h - what a layer is: one file for each, which ends in a const struct layer_type. A layer knows its shapes, its
 * parameters and the memory that it wants; the net (net/net.h) lays layers out in a row, gives them tensors and calls
 * them. To add a layer: write its file, declare its type below, name it in a table of layer_spec. */
#ifndef VGGCL_LAYERS_LAYER_H
#define VGGCL_LAYERS_LAYER_H

#include "layers/parameter.h"
#include "ops/activation.h"
#include "ops/conv.h"

/* One image's activations, NHWC without the N; a flat row of features is 1 x 1 x c. */
struct shape {
    size_t h, w, c;
};
static inline size_t shape_count(struct shape s) {
    return s.h * s.w * s.c;
}

/* A layer as data: a row of a network's table. */
struct layer_spec {
    const struct layer_type *type;
    char name[24];   /* "conv1_1": its parameters are conv1_1.weight, conv1_1.bias */
    size_t channels; /* convolution, linear: outputs */
    bool bn, pool;   /* activation: what it has besides ReLU; convolution: whether batch normalisation follows */
    enum dropout dropout;
    float p; /* probability of a drop */
};

/* Memory that layers share: none of it outlives a layer's forward or backward, but for the statistics that
 * layer_slabs() is about. */
struct scratch {
    struct conv_scratch conv;
    struct tensor reduction;
};
struct scratch_words {
    struct conv_scratch_words conv;
    size_t reduction;
};

/* What one forward or backward pass is about. */
struct pass {
    struct dev *dev;
    size_t n;            /* images, at most the batch that the net was made for */
    size_t first, whole; /* they are these, from number first on, of a whole batch that the loss is the mean of */
    bool training;       /* dropout, and BN by the batch's statistics */
    uint64_t seed, step; /* which dropout coins */
    double label_smoothing;
    struct scratch scratch;
};

enum { LAYER_PARAMETERS = 4, LAYER_SAVED = 3 };

struct layer {
    const struct layer_type *type;
    const struct layer *before; /* in the net; NULL for the first */
    struct layer_spec spec;
    int index; /* in the net; gives each dropout its own coins */
    struct shape in, out;
    bool in_place; /* y is x, dx is dy */
    bool half;     /* y and dy are 16-bit floats: as the layer before has them, but for those that configure says hold
                      floats */
    bool needs_dx; /* false for the first layer that has parameters: nothing before it learns */
    struct parameter parameters[LAYER_PARAMETERS];
    int parameter_count;
    struct tensor x, y, dx, dy;
    struct tensor saved[LAYER_SAVED]; /* what forward leaves to backward besides x and y */
    size_t saved_words[LAYER_SAVED];
    struct conv_method methods[CONV_DIRECTIONS]; /* of a convolution */
};

struct layer_type {
    const char *name;

    /* From l->spec, l->in and l->half, which is the layer's before: sets out, half, in_place, parameters, saved_words
     * and methods, and raises words to what the layer wants for batch images. conv names the convolutions' algorithm,
     * as in conv_choose(). */
    enum vggcl_err (*configure)(struct layer *l, const struct dev *d, size_t batch, const char *conv,
                                struct scratch_words *words);

    enum vggcl_err (*forward)(const struct layer *l, const struct pass *pass);

    /* After a forward with training set: the parameters' gradients and, where needs_dx, dx; from dy. */
    enum vggcl_err (*backward)(const struct layer *l, const struct pass *pass);
};

/* How many slabs of its output's statistics (ops/bn.h) l->type->forward leaves in scratch.reduction, for the batch
 * normalisation that follows: a convolution may; 0 for none. */
size_t layer_slabs(const struct layer *l, const struct pass *pass);

extern const struct layer_type layer_conv, layer_activation, layer_flatten, layer_linear;

/* Raises *words to at least want. */
static inline void raise_to(size_t *words, size_t want) {
    if (*words < want)
        *words = want;
}

#endif
