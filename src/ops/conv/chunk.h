/* chunk.h - the number of images that a convolution transforms at a time. */
#ifndef VGGCL_OPS_CONV_CHUNK_H
#define VGGCL_OPS_CONV_CHUNK_H

#include "ops/context.h"

/* Images per chunk, 1 to n, such that a chunk needs at most context_conv_words() at words_per_image each. If the
 * context has no limit, a chunk may have at least weight_words, the size of the transformed weights, because every
 * chunk reads those again. */
size_t conv_chunk_images(const struct context *context, size_t n, size_t words_per_image, size_t weight_words);

/* Divides p's images into chunks of `images`: sets the number of images of p->whole and p->rest. */
void conv_cut(struct conv_plan *p, size_t images);

/* Plans p->whole, and p->rest: by the same call, or as a copy if it has as many images. */
typedef enum vggcl_err conv_chunk_planner(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk);
enum vggcl_err conv_plan_chunks(const struct context *context, struct conv_plan *p, conv_chunk_planner *plan_chunk);

/* Plans chunk->product (see gemm_make_plan()) by p's engine, and raises p->words.product to what it needs. */
enum vggcl_err conv_plan_product(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk,
                                 struct gemm_shape shape, struct matrix a, struct matrix b, struct matrix c);

/* The chunk that starts with image number `first`. */
static inline struct conv_chunk *conv_chunk_at(struct conv_plan *p, size_t first) {
    return p->s.n - first > p->rest.images ? &p->whole : &p->rest;
}

/* p->s with the chunk's number of images. */
static inline struct conv_shape conv_chunk_shape(const struct conv_plan *p, const struct conv_chunk *chunk) {
    struct conv_shape s = p->s;
    s.n = chunk->images;
    return s;
}

#endif
