/* operators.h - every operator that networks are made of, each with the function that checks it on a device. A family
 * of operators is one file: check_conv.c has the convolutions' references in double precision, their checks, and the
 * array conv_checks[]. To add a family, write check_name.c with name_checks[] and add FAMILY(name) to CHECK_FAMILIES
 * below. */
#ifndef VGGCL_CHECK_OPERATORS_H
#define VGGCL_CHECK_OPERATORS_H

#include "check/rig.h"
#include "layers/layer.h"

/* The sizes of a shape on which an operator depends. */
enum uses { N = 1, H = 2, W = 4, C = 8, O = 16, IMAGES = N | H | W | C, CONV = IMAGES | O };

/* Directions of a convolution. */
enum directions {
    FORWARD = 1 << CONV_FORWARD,
    BACK = 1 << CONV_DATA_GRADIENT,
    WEIGHTS = 1 << CONV_WEIGHT_GRADIENT,
    ANY = FORWARD | BACK | WEIGHTS
};

/* A row of a family: a variant of an operator, and the layers of a network that have its shapes. */
struct check {
    const char *name, *kernels; /* for reports; kernels is NULL for those of the algorithm or engine */
    const char *layer;          /* the type of layer that has its shapes: the name in its layer_type */
    unsigned uses;              /* of enum uses; other sizes are 1 */
    void (*run)(struct rig *rig, const struct check *check, struct conv_shape s);
    const struct conv_algorithm *algorithm; /* of a convolution or of its matrix product; else NULL */
    unsigned directions;                    /* in which the algorithm uses the operator */
    const struct gemm_engine *engine;       /* of a matrix product; else NULL */
    /* A row with these stands for one row for each algorithm that each_algorithm() picks, and for each engine. */
    bool (*each_algorithm)(const struct conv_algorithm *a);
    bool each_engine;
    bool first;           /* only for the first layer of a network, whose input are images */
    bool extra;           /* not used by networks on this device */
    bool normalise, pool; /* variants of an activation */
    enum dropout dropout;
    const struct optimiser *optimiser; /* whose step it is; NULL for other checks */
    const struct conv_shape *shapes;   /* more small shapes, ended by {0}; NULL for none */
    bool (*fits)(const struct check *check,
                 const struct layer_spec *spec); /* for which of these layers; NULL for all */
};

/* The families in the order in which they are checked. Operators of one kernel come before those that are composed of
 * them, so that the first failure is the cause of the later ones. */
#define CHECK_FAMILIES(FAMILY)                                                                                         \
    FAMILY(image)                                                                                                      \
    FAMILY(channel)                                                                                                    \
    FAMILY(im2col)                                                                                                     \
    FAMILY(conv_matrix)                                                                                                \
    FAMILY(storage)                                                                                                    \
    FAMILY(winograd)                                                                                                   \
    FAMILY(gemm)                                                                                                       \
    FAMILY(conv)                                                                                                       \
    FAMILY(bn)                                                                                                         \
    FAMILY(activation)                                                                                                 \
    FAMILY(flatten)                                                                                                    \
    FAMILY(avgpool)                                                                                                    \
    FAMILY(softmax)                                                                                                    \
    FAMILY(accumulate)                                                                                                 \
    FAMILY(optimisers)                                                                                                 \
    FAMILY(average)

/* name_checks[] of each family; a row without a name ends it. */
#define DECLARE_CHECKS(family) extern const struct check family##_checks[];
CHECK_FAMILIES(DECLARE_CHECKS)
#undef DECLARE_CHECKS

/* Goes through the rows of all families, each for every algorithm and engine that it stands for. Start with zeros;
 * false after the last. */
struct check_cursor {
    size_t family, row, algorithm, engine;
};
bool check_next(struct check_cursor *cursor, struct check *check);

/* A row for an operator that is not a part of a convolution; for one that algorithm runs in some directions; and for
 * one that each algorithm runs for which `each` is true. */
#define CHECK(title, of_kernels, of_layer, sizes, how)                                                                 \
    {.name = title, .kernels = of_kernels, .layer = of_layer, .uses = sizes, .run = how}
#define CHECK_OF(of_algorithm, when, title, of_kernels, sizes, how)                                                    \
    {.name = title,                                                                                                    \
     .kernels = of_kernels,                                                                                            \
     .layer = "conv",                                                                                                  \
     .uses = sizes,                                                                                                    \
     .run = how,                                                                                                       \
     .algorithm = of_algorithm,                                                                                        \
     .directions = when}
#define CHECK_OF_EACH(each, when, title, of_kernels, sizes, how)                                                       \
    {.name = title,                                                                                                    \
     .kernels = of_kernels,                                                                                            \
     .layer = "conv",                                                                                                  \
     .uses = sizes,                                                                                                    \
     .run = how,                                                                                                       \
     .each_algorithm = each,                                                                                           \
     .directions = when}

#endif
