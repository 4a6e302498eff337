/* algorithm.h - the interface of 3x3 convolution algorithms: one file for each family of algorithms, which ends in a
 * const struct conv_algorithm. A convolution of one shape and direction is planned once and launched often. To add an
 * algorithm: write its file and add a row to CONV_ALGORITHMS (conv.c). */
#ifndef VGGCL_OPS_CONV_ALGORITHM_H
#define VGGCL_OPS_CONV_ALGORITHM_H

#include "ops/gemm/engine.h"

/* n images of h x w pixels, c input channels, o output channels. */
struct conv_shape {
    size_t n, h, w, c, o;
};

enum conv_direction { CONV_FORWARD, CONV_DATA_GRADIENT, CONV_WEIGHT_GRADIENT, CONV_DIRECTIONS };
extern const char *const conv_direction_names[CONV_DIRECTIONS]; /* for users: "data gradient"; in conv.c */

/* An algorithm for one direction, and the engine of its matrix products; NULL for the default engine. */
struct conv_method {
    const struct conv_algorithm *algorithm;
    const struct gemm_engine *engine;
};

/* Scratch memory: transformed weights, transformed inputs, transformed outputs, and scratch memory of the matrix
 * products. */
struct conv_scratch {
    struct tensor weight, input, output, product;
};
struct conv_scratch_words {
    size_t weight, input, output, product;
};

/* Images that are processed together, and how the algorithm divides their work. */
struct conv_chunk {
    size_t images, tiles; /* number of images, and of their tiles in Winograd's algorithms */
    size_t depth;         /* channels per slice, or tiles per slab */
    size_t group, groups; /* tiles, runs or rows per work-group or slab; number of work-groups or slabs */
    struct gemm_plan product;
};

/* The plan of one direction of a convolution. */
enum { CONV_KERNELS = 4 };
struct conv_plan {
    const struct conv_algorithm *algorithm;
    const struct gemm_engine *engine;
    enum conv_direction direction;
    struct conv_shape s; /* as the kernels see it: for a data gradient, c and o are swapped */
    enum stored stored;  /* of x and y */
    size_t slabs; /* number of slabs of its output's statistics (ops/bn.h) that forward() writes; 0 if it cannot */
    struct conv_scratch_words words;
    struct kernel kernels[CONV_KERNELS]; /* in an order that the algorithm defines */
    struct conv_chunk whole, rest;       /* all chunks except the last one; the last one */
};

/* The operands of a launch, images NHWC, weights [tap][c][o]:
 *   forward          reads x, weight and bias, writes y; statistics too if it has memory
 *   data gradient    reads y (the output's gradient) and weight, writes x (the input's)
 *   weight gradient  reads x and y (the output's gradient), writes weight (its gradient)
 * bias.mem may be NULL: no bias. scratch: as many words as the plan's `words`. */
struct conv_operands {
    struct tensor x, weight, bias, y, statistics;
    struct conv_scratch scratch;
};

struct conv_algorithm {
    const char *name;
    const char *kernels;  /* which kernels it launches, for output to users: "winograd_local/winograd_fused*" */
    int alpha;            /* Winograd: side of a transformed tile, in points; else 0 */
    bool multiplies;      /* computes matrix products by an engine of gemm.h */
    bool rounds_operands; /* rounds weights and activations by matrix_operand() before it multiplies them */
    bool matrix;          /* multiplies by the device's matrix instructions (cl/matrix.h) */

    /* Whether it supports shape s, for any number of images, in that direction; s is as in struct conv_plan. NULL if it
     * supports all shapes. Unsupported shapes are routed to `otherwise`. */
    bool (*can)(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                enum conv_direction direction);
    const struct conv_algorithm *otherwise;

    /* Number of additions and multiplications of the algorithm's products, 2 for a multiply-add; transforms, and what
     * fills up registers or vectors, do not count. NULL if it multiplies as a direct convolution does. */
    double (*operations)(const struct conv_plan *p);

    /* Fills in the plan's slabs, words, kernels and chunks; the other members are set already. */
    enum vggcl_err (*plan)(const struct context *context, struct conv_plan *p);

    /* Enqueues a forward convolution or a data gradient. A data gradient is a convolution of the output's gradient with
     * the weights rotated by 180 degrees, which are stored as [tap][o][c] in terms of p->s. Both read o->x and write
     * o->y: conv_run() swaps x and y of a data gradient. */
    enum vggcl_err (*forward)(struct dev *d, struct conv_plan *p, const struct conv_operands *o);

    /* Enqueues a weight gradient. */
    enum vggcl_err (*weight_gradient)(struct dev *d, struct conv_plan *p, const struct conv_operands *o);
};

#endif
