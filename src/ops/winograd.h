/* winograd.h - the transforms of Winograd's minimal filtering F(tile x tile, 3x3), for tile 2 or 4; the algorithms of
 * conv.h that begin with winograd make convolutions of them. cl/winograd.cl has the formulas. Arrays in the transformed
 * space are alpha^2 matrices, one a point: of tiles x channels, an image having ceil(h / tile) * ceil(w / tile) tiles,
 * or of channels x channels.
 */
#ifndef VGGCL_OPS_WINOGRAD_H
#define VGGCL_OPS_WINOGRAD_H

#include "ops/conv.h"

/* alpha: of F(2x2, 3x3); of F(4x4, 3x3); and of F(2x2, 3x3) where an image is one tile, so that the pixels around it
 * are 0 and take no products, which is for images of 2x2 alone. */
enum { WINOGRAD_F2 = 4, WINOGRAD_F4 = 6, WINOGRAD_LONE = 3 };
bool winograd_fits(int alpha, struct conv_shape s); /* whether s has such images */

size_t winograd_points(int alpha);                    /* alpha^2 */
size_t winograd_side(int alpha);                      /* of a tile, in pixels */
size_t winograd_tiles(int alpha, size_t h, size_t w); /* of an image */

/* Words from one point to the next of matrices of rows x columns: a gap lies between, for distances that are multiples
 * of a large power of two would have all points meet in the same few lines of a CPU's cache. */
size_t winograd_point_words(size_t rows, size_t columns);

/* The build options of cl/winograd.cl for tensors of so many channels, with activations stored as `like` is. */
struct winograd_options {
    char text[64];
};
struct winograd_options winograd_options(const struct dev *d, int alpha, size_t channels, struct tensor like);

/* v[panel][point][tile][channel of the panel] from s.n images of x[..][s.c], from number first_image on. `panel`
 * channels, which divide s.c, are a panel: s.c for [point][tile][s.c]. */
enum vggcl_err winograd_input(struct dev *d, int alpha, struct conv_shape s, struct tensor x, size_t first_image,
                              size_t panel, struct tensor v);

/* y[..][s.o] from m, plus bias where that has memory. */
enum vggcl_err winograd_output(struct dev *d, int alpha, struct conv_shape s, struct tensor m, size_t first_image,
                               struct tensor bias, struct tensor y);

/* z, likewise, from dy[..][s.o], for the weight gradient. */
enum vggcl_err winograd_gradient(struct dev *d, int alpha, struct conv_shape s, struct tensor dy, size_t first_image,
                                 size_t panel, struct tensor z);

/* u[point][c][o] from weight[tap][c][o], which `turned` turns by 180 degrees; or from weight[tap][o][c], turned: a data
 * gradient's. */
enum vggcl_err winograd_weight(struct dev *d, int alpha, size_t c, size_t o, struct tensor weight, bool turned,
                               struct tensor u);
enum vggcl_err winograd_weight_rotated(struct dev *d, int alpha, size_t c, size_t o, struct tensor weight,
                                       struct tensor u);

/* dweight[tap][c][o] from the sum over so many parts of du[part][point][c][o]. */
enum vggcl_err winograd_weight_gradient(struct dev *d, int alpha, size_t c, size_t o, size_t parts, struct tensor du,
                                        struct tensor dweight);

#endif
