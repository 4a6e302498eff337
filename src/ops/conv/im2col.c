#include "ops/conv/im2col.h"
#include "ops/channel.h"
#include "ops/conv/chunk.h"
#include "ops/gemm/gemm.h"
#include "ops/storage.h"

struct kernel im2col_kernel(const struct dev *d, size_t c, enum stored stored) {
    return kernel_make("im2col/im2col", "%s", dev_stored_option(d, (int)c, stored));
}

enum vggcl_err im2col(struct dev *d, struct kernel *kernel, struct conv_shape s, struct tensor x, size_t first_image,
                      struct tensor column) {
    size_t pixels = s.n * s.h * s.w, blocks = s.c / (size_t)dev_vector_width(d, (int)s.c);
    return dev_launch(d, kernel, RANGE(pixels * 9 * blocks),
                      ARGS(A_MEM(x), A_INT(first_image * s.h * s.w), A_INT(pixels), A_INT(s.h), A_INT(s.w), A_INT(s.c),
                           A_MEM(column)));
}

struct kernel rotate_weight_kernel(const struct dev *d, size_t c, size_t o) {
    return kernel_make("im2col/rotate_weight", "%s", dev_vector_option(d, (int)(c | o)));
}

enum vggcl_err rotate_weight(struct dev *d, struct kernel *kernel, size_t c, size_t o, struct tensor weight,
                             struct tensor rotated) {
    size_t width = (size_t)dev_vector_width(d, (int)(c | o));
    return dev_launch(d, kernel, RANGE(9 * (c / width) * (o / width)),
                      ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_MEM(rotated)));
}

enum { IM2COL, ROTATE };

static enum vggcl_err plan_chunk(const struct context *context, struct conv_plan *p, struct conv_chunk *chunk) {
    const struct conv_shape *s = &p->s;
    const struct tensor none = {0};
    size_t pixels = chunk->images * s->h * s->w;
    struct matrix column = MATRIX(none, 9 * s->c), out = MATRIX(none, s->o);
    struct gemm_shape shape = {pixels, s->o, 9 * s->c, 1};
    if (p->direction == CONV_WEIGHT_GRADIENT) {
        column.transposed = true;
        shape = (struct gemm_shape){9 * s->c, s->o, pixels, 1};
    }
    return conv_plan_product(context, p, chunk, shape, column, out, out);
}

/* Matrix products write floats: y is converted if it is not stored as such. */
static bool narrow(const struct conv_plan *p) {
    return p->stored != STORED_FLOAT;
}

static enum vggcl_err plan(const struct context *context, struct conv_plan *p) {
    const struct conv_shape *s = &p->s;
    conv_cut(p, conv_chunk_images(context, s->n, s->h * s->w * 9 * s->c, 9 * s->c * s->o));
    size_t pixels = p->whole.images * s->h * s->w;
    p->words = (struct conv_scratch_words){
        .weight = 9 * s->c * s->o, .input = pixels * 9 * s->c, .output = narrow(p) ? pixels * s->o : 0};
    p->kernels[IM2COL] = im2col_kernel(context->dev, s->c, p->stored);
    p->kernels[ROTATE] = rotate_weight_kernel(context->dev, s->c, s->o);
    return conv_plan_chunks(context, p, plan_chunk);
}

/* If y is not stored as floats, the product is computed in scratch memory and then converted. */
static enum vggcl_err forward(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    const struct conv_scratch *scratch = &o->scratch;
    size_t plane = s.h * s.w;
    struct tensor weight = o->weight;
    bool add_bias = o->bias.mem && !narrow(p);
    if (p->direction == CONV_DATA_GRADIENT) {
        TRY(rotate_weight(d, &p->kernels[ROTATE], s.c, s.o, weight, scratch->weight));
        weight = scratch->weight;
    }
    if (add_bias)
        TRY(channel_broadcast(d, s.n * plane, s.o, o->bias, o->y));
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        struct conv_chunk *chunk = conv_chunk_at(p, first);
        struct conv_shape part = conv_chunk_shape(p, chunk);
        struct matrix out = MATRIX(narrow(p) ? scratch->output : o->y, s.o);
        out.offset = narrow(p) ? 0 : first * plane * s.o;
        TRY(im2col(d, &p->kernels[IM2COL], part, o->x, first, scratch->input));
        TRY(gemm_run(d, &chunk->product, MATRIX(scratch->input, 9 * s.c), MATRIX(weight, s.o),
                     add_bias ? GEMM_ADD : GEMM_SET, out, scratch->product));
        if (narrow(p))
            TRY(storage_narrow(d, part.n * plane, s.o, scratch->output, o->bias, o->y, first * plane));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(struct dev *d, struct conv_plan *p, const struct conv_operands *o) {
    const struct conv_shape s = p->s;
    const struct conv_scratch *scratch = &o->scratch;
    size_t plane = s.h * s.w;
    for (size_t first = 0; first < s.n; first += conv_chunk_at(p, first)->images) {
        struct conv_chunk *chunk = conv_chunk_at(p, first);
        struct conv_shape part = conv_chunk_shape(p, chunk);
        struct matrix gradient = MATRIX(narrow(p) ? scratch->output : o->y, s.o);
        gradient.offset = narrow(p) ? 0 : first * plane * s.o;
        if (narrow(p))
            TRY(storage_widen(d, part.n * plane, s.o, o->y, first * plane, scratch->output));
        TRY(im2col(d, &p->kernels[IM2COL], part, o->x, first, scratch->input));
        TRY(gemm_run(d, &chunk->product, TRANSPOSED(scratch->input, 9 * s.c), gradient, first ? GEMM_ADD : GEMM_SET,
                     MATRIX(o->weight, s.o), scratch->product));
    }
    return VGGCL_OK;
}

const struct conv_algorithm conv_im2col = {.name = "im2col",
                                           .kernels = "im2col/*, a matrix product",
                                           .multiplies = true,
                                           .plan = plan,
                                           .forward = forward,
                                           .weight_gradient = weight_gradient};
