#include "ops/dropout.h"

#include <math.h>

enum { RUN_PIXELS = 64 }; /* pixels that share a throw of their channels' coins in one work-item */

#define COIN_ARGS(coins)                                                                                               \
    A_UINT2((coins).seed, (coins).seed >> 32), A_UINT((coins).purpose), A_UINT2((coins).step, (coins).step >> 32),     \
        A_UINT(ldexp((coins).p, 32)), A_FLOAT(1.0 / (1.0 - (coins).p))

enum vggcl_err dropout_channel(struct dev *d, size_t n, size_t plane, size_t c, struct coins coins, struct tensor x,
                               struct tensor y) {
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), runs = (plane + RUN_PIXELS - 1) / RUN_PIXELS;
    return dev_run(
        d, "dropout/dropout_channel", dev_vector_option(d, (int)c), RANGE(n * runs * blocks),
        ARGS(A_MEM(x), A_INT(n), A_INT(plane), A_INT(c), A_INT(RUN_PIXELS), A_INT(runs), COIN_ARGS(coins), A_MEM(y)));
}

enum vggcl_err dropout_element(struct dev *d, size_t count, struct coins coins, struct tensor x, struct tensor y) {
    size_t blocks = count / (size_t)dev_vector_width(d, (int)count);
    return dev_run(d, "dropout/dropout_element", dev_vector_option(d, (int)count), RANGE(blocks),
                   ARGS(A_MEM(x), A_INT(blocks), COIN_ARGS(coins), A_MEM(y)));
}
