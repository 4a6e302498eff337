/* context.h - the settings of operators on a device: the user's choices and measured (tuned) parameters. Operators are
 * planned with a context; their launches need only the plan. */
#ifndef VGGCL_OPS_CONTEXT_H
#define VGGCL_OPS_CONTEXT_H

#include "ops/tuning.h"

struct context {
    struct dev *dev;                  /* not owned */
    enum stored stored;               /* of activations up to flattening or global average pooling */
    bool strict;                      /* the tuning's wrong methods are ignored: what uses them fails its check */
    const struct gemm_engine *engine; /* the user's choice for all matrix products; NULL for automatic */
    struct tuning tuning;             /* measured, or the built-in rules */
    size_t conv_limit;                /* maximum words of transformed images at a time; 0: tuning.conv_words */
};

/* A context for d with the built-in tuning, 32-bit activations and automatic choice of the engine. */
struct context context_make(struct dev *d);

/* The tuning by built-in rules for d, without measured convolutions. */
struct tuning context_built_in_tuning(const struct dev *d);

/* The built-in tuning, with the wrong methods that the context knows of, and with other tiles in place of wrong ones.
 */
struct tuning context_untuned(const struct context *context);

/* Copies *t to the context, with other tiles in place of wrong ones, and without the wrong methods if the context is
 * strict. VGGCL_EUSAGE if the device does not support its tiles; the context is unchanged then. */
enum vggcl_err context_tune(struct context *context, const struct tuning *t);

/* Maximum number of words of transformed images that a convolution keeps in scratch memory at a time. */
static inline size_t context_conv_words(const struct context *context) {
    return context->conv_limit ? context->conv_limit : context->tuning.conv_words;
}

#endif
