/* tuning.h - what was measured to be the fastest on a device: how the own kernels cut up matrix products, which of
 * CLBlast's parameters suit, and how each convolution is done. A device without goes by the built-in rules. */
#ifndef VGGCL_OPS_TUNING_H
#define VGGCL_OPS_TUNING_H

#include "ops/clblast.h"
#include "ops/conv.h"

/* The 3x3 convolutions of shape s. */
struct tuned_conv {
    struct conv_shape s;
    struct conv_method methods[CONV_DIRECTIONS]; /* without an algorithm where the built-in rule holds */
};

enum { TUNED_CONVS = 64 };

struct tuning {
    struct gemm_tile tile[2]; /* of the own kernels where a is stored as it is, and where transposed */
    int clblast_set;          /* see ops/clblast.h */
    size_t conv_words;        /* as conv_words(): 2^12 to 2^30 */
    size_t conv_count;
    struct tuned_conv convs[TUNED_CONVS];
};

/* The built-in rules for d: no convolutions. */
struct tuning tuning_built_in(const struct dev *d);

/* d goes by *t, which is copied, from now on; by the built-in rules where t is NULL. VGGCL_EUSAGE where d cannot. */
enum vggcl_err tuning_use(struct dev *d, const struct tuning *t);

/* What t says of shape s, or of the same with between half and twice as many images, the nearest: which algorithm is
 * fastest depends on their number. NULL where it says nothing. */
const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s);

#endif
