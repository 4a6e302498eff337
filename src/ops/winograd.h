/* winograd.h - the transforms of Winograd's minimal filtering F(tile x tile, 3x3), for tile 2 or 4; conv_winograd2,
 * conv_winograd4 and conv_winograd4_fused (conv.h) make convolutions of them. cl/winograd.cl has the formulas. With
 * alpha = tile + 2, arrays in the transformed space are [alpha^2 points][tiles][channels], an image having ceil(h /
 * tile) * ceil(w / tile) tiles.
 */
#ifndef VGGCL_OPS_WINOGRAD_H
#define VGGCL_OPS_WINOGRAD_H

#include "ops/conv.h"

size_t winograd_points(int tile);                    /* alpha^2 */
size_t winograd_tiles(int tile, size_t h, size_t w); /* of an image */

/* v from s.n images of x[..][s.c], from number first_image on. */
enum vggcl_err winograd_input(struct dev *d, int tile, struct conv_shape s, struct tensor x, size_t first_image,
                              struct tensor v);

/* y[..][s.o] from m, plus bias where that has memory. */
enum vggcl_err winograd_output(struct dev *d, int tile, struct conv_shape s, struct tensor m, size_t first_image,
                               struct tensor bias, struct tensor y);

/* z from dy[..][s.o], for the weight gradient. */
enum vggcl_err winograd_gradient(struct dev *d, int tile, struct conv_shape s, struct tensor dy, size_t first_image,
                                 struct tensor z);

/* Forward, transformed weights lie in strips of so many of their o columns: u[strip][point][c][columns of the strip].
 */
size_t winograd_strip(const struct dev *d, int tile, size_t c, size_t o);

/* The strip of u that has `columns` from number first on, from weight[tap][c][o]; with rotate from weight[tap][o][c]
 * turned by 180 degrees. All columns in one strip make u[point][c][o]. */
enum vggcl_err winograd_weight(struct dev *d, int tile, size_t c, size_t o, size_t first, size_t columns,
                               struct tensor weight, bool rotate, struct tensor u);

/* dweight[tap][c][o] from the sum over so many parts of du[part][point][c][o]. */
enum vggcl_err winograd_weight_gradient(struct dev *d, int tile, size_t c, size_t o, size_t parts, struct tensor du,
                                        struct tensor dweight);

#endif
