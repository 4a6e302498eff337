#include "ops/conv/chunk.h"
#include "ops/gemm/gemm.h"

size_t conv_chunk_images(const struct context *context, size_t n, size_t words_per_image, size_t weight_words) {
    size_t words = context_conv_words(context);
    if (words < weight_words && !context->conv_limit)
        words = weight_words;
    size_t images = words / words_per_image;
    return images < 1 ? 1 : images < n ? images : n;
}

void conv_cut(struct conv_plan *p, size_t images) {
    size_t n = p->s.n, left = images ? n % images : 0;
    p->whole.images = images;
    p->rest.images = left ? left : images;
}

enum vggcl_err conv_plan_chunks(const struct context *context, struct conv_plan *p, conv_chunk_planner *plan_chunk) {
    TRY(plan_chunk(context, p, &p->whole));
    if (p->rest.images != p->whole.images)
        return plan_chunk(context, p, &p->rest);
    p->rest = p->whole;
    return VGGCL_OK;
}

enum vggcl_err conv_plan_product(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk,
                                 struct gemm_shape shape, struct matrix a, struct matrix b, struct matrix c) {
    TRY(gemm_make_plan(context, p->engine, shape, a, b, c, &chunk->product));
    if (p->words.product < chunk->product.scratch_words)
        p->words.product = chunk->product.scratch_words;
    return VGGCL_OK;
}
