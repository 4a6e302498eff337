/* tuning.h - the fastest parameters measured on a device: tiles of matrix products, CLBlast's parameters, and
 * algorithms of convolutions. */
#ifndef VGGCL_OPS_TUNING_H
#define VGGCL_OPS_TUNING_H

#include "ops/conv/algorithm.h"
#include "ops/gemm/tile.h"

/* The fastest methods for 3x3 convolutions of shape s. */
struct tuned_conv {
    struct conv_shape s;
    struct conv_method methods[CONV_DIRECTIONS]; /* algorithm NULL: use the built-in rule */
};

enum { TUNED_CONVS = 64 }; /* the convolutions of about seven networks, image sizes and batch sizes */

struct tuning {
    struct gemm_tile tile[2]; /* tiles of the built-in kernels: for a not transposed, a transposed */
    int clblast_set;          /* number of a set in gemm/clblast_parameters.h */
    size_t conv_words;        /* words of transformed images at a time in a convolution: 2^12 to 2^30 */
    size_t conv_count;
    struct tuned_conv convs[TUNED_CONVS]; /* the latest last */
};

/* The entry of t for shape s, or the one that differs only in the number of images, by a factor of at most 2, and has
 * the nearest number: the fastest algorithm depends on it. NULL if there is none. */
const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s);

/* The entry of t for exactly shape s. If there is none, one without methods is added at the end, in place of the first
 * one if t is full. Valid until the next change of t. */
struct tuned_conv *tuning_add(struct tuning *t, struct conv_shape s);

/* Moves the entry that tuning_find() returns to the end, so that tuning_add() removes others first; false if there is
 * none. */
bool tuning_renew(struct tuning *t, struct conv_shape s);

#endif
