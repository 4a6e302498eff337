/* conv.h - 3x3 convolutions, stride 1, padding 1, of NHWC images, by whichever algorithm.
 *
 *     y[n][h][w][o] = bias[o] + sum over tap, c of x[n][h + dy][w + dx][c] * weight[tap][c][o],  tap = 3 (dy+1) +
 * (dx+1)
 */
#ifndef VGGCL_OPS_CONV_H
#define VGGCL_OPS_CONV_H

#include "ops/gemm.h"

/* n images of h x w pixels, from c channels to o. */
struct conv_shape {
    size_t n, h, w, c, o;
};

/* What a layer does with it. */
enum conv_direction { CONV_FORWARD, CONV_DATA_GRADIENT, CONV_WEIGHT_GRADIENT, CONV_DIRECTIONS };

/* Memory that a convolution works in, and how many words of it each algorithm wants. */
struct conv_scratch {
    struct tensor weight, input, output; /* transformed weights; transformed inputs; what the GEMM made of both */
};
struct conv_scratch_words {
    size_t weight, input, output;
};

struct conv_algorithm {
    const char *name;
    int alpha; /* of Winograd's: points along a side of a transformed tile */

    /* What forward and weight_gradient need for this shape, with activations as d->half says: a matrix product reads
     * and writes floats. More images than fit are done in chunks. */
    struct conv_scratch_words (*scratch)(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s);

    /* The product that forward makes of a chunk; the weight gradient's is m x k transposed by m x n. NULL for none. */
    struct gemm_shape (*product)(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s);

    /* y as above, stored as x is. bias may be a tensor without memory. Where rotate is set, weight is [tap][o][c] and
     * is used turned by 180 degrees with its channels swapped, which makes it the data gradient of the convolution from
     * o to c. Where partial has memory, the statistics of y go there on the way, of `slabs` slabs (ops/bn.h). */
    enum vggcl_err (*forward)(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct tensor partial, struct conv_scratch scratch);

    /* How many slabs these are: 0 where forward can't take statistics of this shape; NULL where of none. */
    size_t (*slabs)(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s);

    /* dweight[tap][c][o] = sum over n, h, w of x[n][h + dy][w + dx][c] * dy[n][h][w][o]. */
    enum vggcl_err (*weight_gradient)(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch);

    /* Whether it does a forward, or a weight gradient, of shape s, of however many images; NULL where it does all. What
     * not, it is not asked for: conv_forward() and its like go to `otherwise`. */
    bool (*can)(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, bool weight_gradient);
    const struct conv_algorithm *otherwise;
};

extern const struct conv_algorithm conv_direct, conv_im2col, conv_winograd2, conv_winograd4, conv_winograd4_fused,
    conv_winograd4_sliced, conv_winograd2_lone, conv_winograd2_lone_sliced;

extern const struct conv_algorithm *const conv_algorithms[]; /* these; ended by NULL */

/* Whether a does s, of that direction, by itself on d: direct leaves many channels to im2col, winograd2-lone images
 * that are not 2 x 2 to winograd2, and those that are fused or sliced what does not fit into local memory to those that
 * are not. */
bool conv_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, enum conv_direction direction);

/* Whether a makes matrix products of what it can do, so that their engine matters. */
bool conv_multiplies(const struct conv_algorithm *a);

/* How one direction is done: by which algorithm, and by which engine its matrix products. */
struct conv_method {
    const struct conv_algorithm *algorithm;
    enum gemm_engine engine;
};

/* The same in words. */
struct vggcl_method conv_describe(struct conv_method m);

/* The methods for a convolution of shape s, which is the forward one's for all three directions. name: the algorithm
 * "direct", "im2col", "winograd2", "winograd4", "winograd4-fused", "winograd4-sliced", "winograd2-lone" or
 * "winograd2-lone-sliced", or "auto" for what was tuned for the shape on d, else for what suits both; likewise the
 * engine, unless gemm_use() chose one. VGGCL_EUSAGE for any other name. */
enum vggcl_err conv_choose(const struct dev *d, struct conv_shape s, const char *name,
                           struct conv_method methods[CONV_DIRECTIONS]);

/* What a method needs for one direction of the convolution s. */
struct conv_scratch_words conv_scratch_words(struct conv_method m, const struct dev *d, struct conv_shape s,
                                             enum conv_direction direction);

/* How many slabs of statistics (ops/bn.h) conv_forward() can leave of y, which saves another pass over it: 0 for none.
 */
size_t conv_slabs(struct conv_method m, const struct dev *d, struct conv_shape s);

/* y, as at the top, from x; dx[n][h][w][c] from dy[n][h][w][o]; dweight from x and dy. s is the forward convolution's
 * shape for all three. partial: of conv_slabs() slabs, or a tensor without memory where no statistics are wanted. */
enum vggcl_err conv_forward(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor x,
                            struct tensor weight, struct tensor bias, struct tensor y, struct tensor partial,
                            struct conv_scratch scratch);
enum vggcl_err conv_data_gradient(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor weight,
                                  struct tensor dy, struct tensor dx, struct conv_scratch scratch);
enum vggcl_err conv_weight_gradient(struct conv_method m, struct dev *d, struct conv_shape s, struct tensor x,
                                    struct tensor dy, struct tensor dweight, struct conv_scratch scratch);

/* The shape of the convolution that makes the data gradient of s. */
struct conv_shape conv_reversed(struct conv_shape s);

/* The words of scratch memory that a convolution may transform images to at once: d->conv_words, else what was tuned,
 * else as many as stay in a CPU's cache, or as fill a GPU. */
size_t conv_words(const struct dev *d);
size_t conv_built_in_words(const struct dev *d); /* the last of these */

/* How many of s.n images to do at once when each takes words_per_image of that: at least one, and as many as take what
 * the transformed weights do, which each chunk reads anew, unless d->conv_words limits them. */
size_t conv_chunk(const struct dev *d, struct conv_shape s, size_t words_per_image, size_t weight_words);

#endif
