/* tuning.h - what is known of a device: the fastest parameters measured (tiles of matrix products, CLBlast's
 * parameters, algorithms of convolutions), and the methods that give wrong results on it. */
#ifndef VGGCL_OPS_TUNING_H
#define VGGCL_OPS_TUNING_H

#include "cl/matrix.h"
#include "ops/conv/algorithm.h"
#include "ops/gemm/tile.h"

/* The fastest methods for 3x3 convolutions of shape s, where these matrix instructions are in use. */
struct tuned_conv {
    struct conv_shape s;
    struct conv_method methods[CONV_DIRECTIONS]; /* algorithm NULL: use the built-in rule */
    const struct matrix_backend *matrix;         /* NULL for none */
};

enum { TUNED_CONVS = 64 }; /* the convolutions of about seven networks, image sizes and batch sizes */

/* A method for every shape: a convolution's algorithm in one direction, an engine of matrix products, or a tile of the
 * built-in engine. The members of the other two are 0. */
struct device_method {
    const struct conv_algorithm *algorithm;
    enum conv_direction direction;
    const struct gemm_engine *engine;
    struct gemm_tile tile;
    bool transposed; /* the tile is for products with a transposed matrix a */
};

/* Room for all algorithms in all directions, and a few engines and tiles. */
enum { WRONG_METHODS = 40 };

struct tuning {
    struct gemm_tile tile[2]; /* tiles of the built-in kernels: for a not transposed, a transposed */
    int clblast_set;          /* number of a set in gemm/clblast_parameters.h */
    size_t conv_words;        /* words of transformed images at a time in a convolution: 2^12 to 2^30 */
    size_t conv_count;
    struct tuned_conv convs[TUNED_CONVS]; /* the latest last */
    size_t wrong_count;
    struct device_method wrong[WRONG_METHODS]; /* give wrong results; none occurs twice */
};

/* The entry of t for shape s and these matrix instructions, or the one that differs only in the number of images, by a
 * factor of at most 2, and has the nearest number: the fastest algorithm depends on it. NULL if there is none. */
const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix);

/* The entry of t for exactly that. If there is none, one without methods is added at the end, in place of the first
 * one if t is full. Valid until the next change of t. */
struct tuned_conv *tuning_add(struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix);

/* Moves the entry that tuning_find() returns to the end, so that tuning_add() removes others first; false if there is
 * none. */
bool tuning_renew(struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix);

/* An engine's products with a not transposed, or transposed: the engine, or if it has tiles, its tile in t. */
struct device_method tuning_product(const struct tuning *t, const struct gemm_engine *engine, bool transposed);

/* Whether a method is one of t->wrong. */
bool tuning_is_wrong(const struct tuning *t, const struct device_method *m);

/* Adds m to t->wrong. False if it is there already, or if there is no room. */
bool tuning_add_wrong(struct tuning *t, const struct device_method *m);

/* Adds all of from->wrong that t->wrong lacks, as far as there is room. */
void tuning_take_wrong(struct tuning *t, const struct tuning *from);

/* Whether an algorithm is wrong in a direction; whether an engine is, if it has tiles with one of those in t. */
bool tuning_algorithm_is_wrong(const struct tuning *t, const struct conv_algorithm *a, enum conv_direction direction);
bool tuning_engine_is_wrong(const struct tuning *t, const struct gemm_engine *engine);

/* Lists methods for users: "winograd4 forward, matrix product (registers 8x2 of 16, panel 64)"; the end that does not
 * fit is left out. */
void tuning_methods_text(const struct device_method *methods, size_t count, char *text, size_t size);

#endif
