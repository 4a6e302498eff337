/* layer.h - the interface of layers: one file for each layer type, which ends in a const struct layer_type. A layer
 * type defines shapes, parameters, memory needs, and how the layer is computed; the net (nets/net.h) chains layers,
 * allocates their tensors and calls them. To add a layer type: write its file, declare the type below, and use it in a
 * model (nets/model.h). */
#ifndef VGGCL_LAYERS_LAYER_H
#define VGGCL_LAYERS_LAYER_H

#include "layers/parameter.h"
#include "ops/activation.h"
#include "ops/context.h"

struct exact; /* layers/exact.h */
struct onnx;  /* files/onnx.h */

/* The shape of one image's activations, in the order [h][w][c]; a row of c features is 1 x 1 x c. */
struct shape {
    size_t h, w, c;
};
/* Number of elements. */
static inline size_t shape_count(struct shape s) {
    return s.h * s.w * s.c;
}

/* The description of a layer: a row of a network's table. */
struct layer_spec {
    const struct layer_type *type;
    char name[24];   /* "conv1_1", with parameters conv1_1.weight and conv1_1.bias */
    size_t channels; /* convolution, linear: number of outputs */
    bool bn, pool;   /* activation: operations besides ReLU; convolution: bn is set if batch normalisation follows */
    bool identity;   /* convolution: its weights start near those of the identity */
    enum dropout dropout;
    float p; /* dropout probability */
};

/* Scratch memory, shared by all layers. Its contents are valid only within a layer's forward or backward pass, except
 * the statistics in `reduction` that slabs() of struct layer_type announces to the next layer. */
struct scratch {
    struct conv_scratch conv; /* `product` is used by all matrix products */
    struct tensor reduction;
};
struct scratch_words {
    struct conv_scratch_words conv;
    size_t reduction;
};

/* The arguments of a forward or backward pass. */
struct pass {
    struct dev *dev;
    size_t n;            /* number of images */
    size_t size;         /* index of n in the net's sizes: selects a layer's plan */
    size_t first, whole; /* index of the first image in the batch whose mean loss is computed; size of that batch */
    bool training;       /* use dropout, and normalise by the batch's statistics */
    bool adds;           /* with NET_ACCUMULATES: adds gradients to the step's sum so far, instead of starting it */
    uint64_t seed, step; /* select the dropout masks */
    double label_smoothing, label_share; /* see struct targets */
    struct scratch scratch;
};

enum { LAYER_PARAMETERS = 4, LAYER_SAVED = 3, LAYER_SIZES = 8 };

struct layer {
    const struct layer_type *type;
    const struct layer *before; /* previous layer in the net; NULL for the first */
    struct layer_spec spec;
    int index; /* number in the net, from 0; part of the key of its dropout mask */
    struct shape in, out;
    bool in_place;      /* y and x are the same tensor, dx and dy too */
    enum stored stored; /* of y and dy: the previous layer's, unless configure() changes it */
    bool frozen;        /* has no backward pass, and normalises by running statistics in training too; set by the net */
    bool only_dx;       /* backward() leaves the parameters' gradients out: for measuring that of x */
    bool needs_dx;      /* whether dx is computed: false if no layer before this one has parameters that are trained */
    struct parameter parameters[LAYER_PARAMETERS];
    int parameter_count;
    struct tensor x, y, dx, dy;
    struct tensor saved[LAYER_SAVED]; /* saved by forward for backward, besides x and y */
    size_t saved_words[LAYER_SAVED];
    struct conv_method methods[CONV_DIRECTIONS]; /* convolution: the method for each direction */
    void *plans[LAYER_SIZES]; /* made by prepare() for each of the net's sizes, or NULL; the net frees them */
};

/* The cost of one direction of a layer. flops: floating-point operations of a direct convolution or matrix product,
 * whatever the algorithm; 0 for other layers. operations: those of the algorithm's products (conv_operations()). reads,
 * writes: minimum memory traffic in bytes, if activations, gradients and weights are each read or written once. */
struct layer_cost {
    double flops, operations, reads, writes;
    bool matrix; /* the products are computed by the device's matrix instructions */
};

struct layer_type {
    const char *name;

    /* Sets out, stored, in_place, parameters and saved_words from l->spec, l->in and l->stored, which is the previous
     * layer's; uses no device. VGGCL_EUSAGE, naming the layer, if it does not support the shape. */
    enum vggcl_err (*configure)(struct layer *l);

    /* After configure(): sets methods. conv: the convolution algorithm, as in conv_choose(); batch: maximum number of
     * images. VGGCL_EUSAGE, naming the layer, if the device does not support the shape. NULL if there is nothing to
     * choose and every device supports it. */
    enum vggcl_err (*choose)(struct layer *l, const struct context *context, size_t batch, const char *conv);

    /* Plans passes over n images: raises *words to the scratch memory needed, and may allocate l->plans[size] with
     * malloc(). training: plan the backward pass too. NULL if there is nothing to plan. */
    enum vggcl_err (*prepare)(struct layer *l, const struct context *context, size_t n, bool training, size_t size,
                              struct scratch_words *words);

    /* Enqueues the computation of y from x. */
    enum vggcl_err (*forward)(const struct layer *l, const struct pass *pass);

    /* After a forward pass with `training` set: enqueues the computation of the parameters' gradients from dy, and of
     * dx if needs_dx is set. */
    enum vggcl_err (*backward)(const struct layer *l, const struct pass *pass);

    /* Number of slabs of its output's statistics (ops/bn.h) that forward() writes to scratch.reduction, for the batch
     * normalisation that follows; 0 if it writes none in this pass. NULL if it never does. */
    size_t (*slabs)(const struct layer *l, const struct pass *pass);

    /* The cost of one direction in a pass; all numbers are 0 if the layer does nothing in that direction. The backward
     * pass of a layer without parameters is CONV_DATA_GRADIENT. */
    struct layer_cost (*cost)(const struct layer *l, const struct pass *pass, enum conv_direction direction);

    /* A training pass on the host in double precision (layers/exact.h). exact_backward() adds to the parameters'
     * gradients and to dx, which the caller sets to 0. */
    void (*exact_forward)(const struct exact *e, const struct pass *pass);
    void (*exact_backward)(const struct exact *e, const struct pass *pass);

    /* After configure(): appends the layer's nodes for evaluation to a graph. The parameters are tensors of the graph
     * under their whole names, in PyTorch's shape. */
    void (*to_onnx)(const struct layer *l, struct onnx *graph);
};

extern const struct layer_type layer_conv, layer_activation, layer_flatten, layer_avgpool, layer_linear;

/* Whether the layer is a convolution, and its shape for n images. */
static inline bool layer_convolves(const struct layer *l) {
    return l->methods[CONV_FORWARD].algorithm != NULL;
}
static inline struct conv_shape layer_conv_shape(const struct layer *l, size_t n) {
    return (struct conv_shape){n, l->in.h, l->in.w, l->in.c, l->out.c};
}

/* The cost of layers that multiply each output pixel's inputs by the weights l->parameters[0], and of layers that only
 * read their input and write their output. */
struct layer_cost layer_multiplies(const struct layer *l, const struct pass *pass, enum conv_direction direction);
struct layer_cost layer_moves(const struct layer *l, const struct pass *pass, enum conv_direction direction);

/* The whole name of the layer's parameter i: "conv1_1.weight". */
enum { PARAMETER_NAME = 48 };
void layer_parameter_name(const struct layer *l, int i, char name[static PARAMETER_NAME]);

/* Appends a node that has the layer's name and all its parameters to a graph. attributes: as in onnx_node(). */
struct onnx_attribute;
void layer_onnx_node(const struct layer *l, struct onnx *graph, const char *operator_name,
                     const struct onnx_attribute *attributes);

/* Raises *words to at least want. */
static inline void raise_to(size_t *words, size_t want) {
    if (*words < want)
        *words = want;
}

#endif
