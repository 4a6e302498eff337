/* operators.h - the table of every operator that networks are made of, each with the function that puts it to the test.
 * To add an operator: write its function in operators.c and name it in the table there. */
#ifndef VGGCL_CHECK_OPERATORS_H
#define VGGCL_CHECK_OPERATORS_H

#include "check/rig.h"
#include "layers/layer.h"

/* Which of a shape's sizes an operator depends on. */
enum uses { N = 1, H = 2, W = 4, C = 8, O = 16, IMAGES = N | H | W | C, CONV = IMAGES | O };

/* Directions of a convolution. */
enum directions {
    FORWARD = 1 << CONV_FORWARD,
    BACK = 1 << CONV_DATA_GRADIENT,
    WEIGHTS = 1 << CONV_WEIGHT_GRADIENT,
    ANY = FORWARD | BACK | WEIGHTS
};

/* A row of the table: an operator with its variant, and what in the network has its shapes. */
struct check {
    const char *name, *kernels; /* kernels NULL: those of the engine */
    const struct layer_type *layer;
    unsigned uses; /* sizes, of enum uses; the others are 1 */
    void (*run)(struct rig *rig, const struct check *check, struct conv_shape s);
    const struct conv_algorithm *algorithm; /* of a convolution, or whose matrix product it is */
    unsigned directions;                    /* in which that algorithm runs it */
    enum gemm_engine engine;                /* of a matrix product; GEMM_AUTO for other checks */
    bool extra;                             /* not what a net runs, but what stands in for it on other devices */
    bool statistics;                        /* of batch normalisation */
    bool normalise, pool;                   /* of an activation */
    enum dropout dropout;
};

/* Operators of one kernel come before those that are made of them: the first failure is the culprit. Ends with a row
 * of no name. */
extern const struct check operator_checks[];

#endif
