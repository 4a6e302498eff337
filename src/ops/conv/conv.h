/* conv.h - 3x3 convolutions, stride 1, padding 1, of NHWC images: the list of algorithms, their choice, plans and
 * launches. With tap = 3 (i + 1) + j + 1 for i, j = -1..1, and pixels outside of an image being 0:
 *
 *     forward          y[n][h][w][o] = bias[o] + sum over tap, c of x[n][h + i][w + j][c] * weight[tap][c][o]
 *     data gradient    dx[n][h][w][c] = sum over tap, o of dy[n][h - i][w - j][o] * weight[tap][c][o]
 *     weight gradient  dweight[tap][c][o] = sum over n, h, w of x[n][h + i][w + j][c] * dy[n][h][w][o] */
#ifndef VGGCL_OPS_CONV_CONV_H
#define VGGCL_OPS_CONV_CONV_H

#include "ops/context.h"
#include "ops/conv/algorithm.h"

/* All algorithms; ends with NULL. */
extern const struct conv_algorithm *const conv_algorithms[];

/* "auto", then the names of conv_algorithms in their order; ends with NULL. */
extern const char *const conv_names[];

/* Whether a supports that direction of convolution s; if not, a->otherwise is used. s: the forward convolution's shape.
 */
bool conv_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, enum conv_direction direction);

/* The names of the method's algorithm and engine; no engine ("") if the algorithm computes no matrix products. */
struct vggcl_method conv_describe(struct conv_method m);

/* Chooses the methods for all directions of a convolution; s is the forward convolution's shape. name: an algorithm's
 * name, or "auto" for the one measured fastest (the context's tuning), or if none was measured, the built-in rule's.
 * The engine is the user's choice, else the measured one, else the default. An algorithm that is wrong on the device
 * (struct tuning) is replaced: a named one as if the name were "auto", another one by the first right one of winograd4,
 * winograd2, im2col and direct that suits the shape; if none is right, it remains. VGGCL_EUSAGE for any other name. */
enum vggcl_err conv_choose(const struct context *context, struct conv_shape s, const char *name,
                           struct conv_method methods[CONV_DIRECTIONS]);

/* The algorithm that conv_make_plan() takes for a: itself, or the `otherwise` that supports the shape. */
const struct conv_algorithm *conv_routed(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                                         enum conv_direction direction);

/* Plans one direction of a convolution by method m; s is the forward convolution's shape. Shapes that m's algorithm
 * does not support are planned with its `otherwise`. p->words is the scratch memory that conv_run() needs. */
enum vggcl_err conv_make_plan(const struct context *context, struct conv_method m, struct conv_shape s,
                              enum conv_direction direction, struct conv_plan *p);

/* Number of additions and multiplications of a planned convolution's products: what the algorithm's operations() says,
 * or of a direct convolution 2 for each output pixel, tap (also where it is outside of the image), c and o. */
double conv_operations(const struct conv_plan *p);

/* Enqueues a planned convolution. */
enum vggcl_err conv_run(struct dev *d, struct conv_plan *p, const struct conv_operands *operands);

/* The pixel that a tap reads for an output pixel, both counted over all images of s; -1 if it is outside of the image.
 */
long conv_neighbour(struct conv_shape s, size_t pixel, size_t tap);

#endif
