/* winograd.h - Winograd's minimal filtering algorithm F(tile x tile, 3x3) for tile 2 or 4 (Lavin and Gray 2016): the
 * transforms, and the convolution algorithms that combine them with batched matrix products. cl/winograd_transform.cl
 * has the formulas. A transformed tile has alpha^2 points. Transformed arrays have one matrix per point: tiles x
 * channels for images, where an image has ceil(h / tile) * ceil(w / tile) tiles, channels x channels for weights. */
#ifndef VGGCL_OPS_CONV_WINOGRAD_H
#define VGGCL_OPS_CONV_WINOGRAD_H

#include "ops/conv/algorithm.h"

extern const struct conv_algorithm conv_winograd2, conv_winograd4, conv_winograd2_lone;

/* Values of alpha: F(2x2, 3x3), F(4x4, 3x3), and a variant of F(2x2, 3x3) for images of 2x2 pixels, which are a single
 * tile: the pixels around it are 0, so their products are omitted. */
enum { WINOGRAD_F2 = 4, WINOGRAD_F4 = 6, WINOGRAD_LONE = 3 };
bool winograd_fits(int alpha, struct conv_shape s); /* whether alpha supports images of s.h x s.w */

size_t winograd_points(int alpha);                    /* alpha^2 */
size_t winograd_side(int alpha);                      /* of a tile, in pixels */
size_t winograd_tiles(int alpha, size_t h, size_t w); /* of an image */

/* As struct conv_algorithm's operations(): of the products at each point of each tile, in all directions. */
double winograd_operations(const struct conv_plan *p);

/* Words from one point's matrix of rows x columns to the next. There is a gap between the matrices: at distances that
 * are multiples of a large power of two, all points would map to the same few cache sets of a CPU. */
size_t winograd_point_words(size_t rows, size_t columns);

/* The build options of cl/winograd_transform.cl for tensors of `channels` channels. */
struct winograd_options {
    char text[64];
};
struct winograd_options winograd_options(const struct dev *d, int alpha, size_t channels, enum stored stored);

/* A kernel of cl/winograd.cl with these options. Each function below launches the kernel of its name, which must have
 * been made for the channels and storage of the tensor argument after the shape. */
struct kernel winograd_kernel(const char *name, const struct dev *d, int alpha, size_t channels, enum stored stored);

/* Input transform of s.n images of x[..][s.c], from number first_image on, to v[panel][point][tile][channel in the
 * panel]. A panel has `panel` channels, a divisor of s.c; panel = s.c gives v[point][tile][s.c]. */
enum vggcl_err winograd_input(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor x,
                              size_t first_image, size_t panel, struct tensor v);

/* Output transform of m[point][tile][s.o] to y[..][s.o], plus bias[s.o] if it has memory. */
enum vggcl_err winograd_output(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor m,
                               size_t first_image, struct tensor bias, struct tensor y);

/* For the weight gradient: transform of dy[..][s.o] to z, which has the layout of v. */
enum vggcl_err winograd_gradient(struct dev *d, struct kernel *kernel, int alpha, struct conv_shape s, struct tensor dy,
                                 size_t first_image, size_t panel, struct tensor z);

/* Weight transform of weight[tap][c][o], rotated by 180 degrees if `rotated` is set, to u[point][c][o]. */
enum vggcl_err winograd_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                               bool rotated, struct tensor u);

/* For the data gradient: transform of weight[tap][o][c], rotated by 180 degrees, to u[point][c][o]. kernel: from
 * winograd_rotated_kernel(). */
struct kernel winograd_rotated_kernel(const struct dev *d, int alpha, size_t c, size_t o);
enum vggcl_err winograd_weight_rotated(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                                       struct tensor u);

/* For the weight gradient: inverse transform of the sum over `parts` parts of du[part][point][c][o] to
 * dweight[tap][c][o]. */
enum vggcl_err winograd_weight_gradient(struct dev *d, struct kernel *kernel, size_t c, size_t o, size_t parts,
                                        struct tensor du, struct tensor dweight);

#endif
