/* im2col.c - convolution as a matrix product of 3x3 neighbourhoods, [pixels][9c], with the weights, [9c][o]. */
#include "ops/im2col.h"
#include "ops/channel.h"
#include "ops/storage.h"

enum vggcl_err im2col(struct dev *d, struct conv_shape s, struct tensor x, size_t first_image, struct tensor column) {
    size_t pixels = s.n * s.h * s.w, blocks = s.c / (size_t)dev_vector_width(d, (int)s.c);
    return dev_run(d, "im2col/im2col", dev_stored_option(d, (int)s.c, x), RANGE(pixels * 9 * blocks),
                   ARGS(A_MEM(x), A_INT(first_image * s.h * s.w), A_INT(pixels), A_INT(s.h), A_INT(s.w), A_INT(s.c),
                        A_MEM(column)));
}

enum vggcl_err rotate_weight(struct dev *d, size_t c, size_t o, struct tensor weight, struct tensor rotated) {
    size_t width = (size_t)dev_vector_width(d, (int)(c | o));
    return dev_run(d, "im2col/rotate_weight", dev_vector_option(d, (int)(c | o)), RANGE(9 * (c / width) * (o / width)),
                   ARGS(A_MEM(weight), A_INT(c), A_INT(o), A_MEM(rotated)));
}

static size_t chunk(const struct dev *d, struct conv_shape s) {
    return conv_chunk(d, s, s.h * s.w * 9 * s.c, 9 * s.c * s.o);
}

static struct conv_scratch_words scratch_words(const struct conv_algorithm *a, const struct dev *d,
                                               struct conv_shape s) {
    (void)a;
    size_t pixels = chunk(d, s) * s.h * s.w;
    return (struct conv_scratch_words){
        .weight = 9 * s.c * s.o, .input = pixels * 9 * s.c, .output = d->half ? pixels * s.o : 0};
}

static struct gemm_shape product(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s) {
    (void)a;
    return (struct gemm_shape){chunk(d, s) * s.h * s.w, s.o, 9 * s.c, 1};
}

static enum vggcl_err forward(const struct conv_algorithm *a, struct dev *d, struct conv_shape s, struct tensor x,
                              struct tensor weight, bool rotate, struct tensor bias, struct tensor y,
                              struct tensor partial, struct conv_scratch scratch) {
    (void)a, (void)partial;
    size_t plane = s.h * s.w, images = chunk(d, s);
    if (rotate) {
        TRY(rotate_weight(d, s.c, s.o, weight, scratch.weight));
        weight = scratch.weight;
    }
    if (bias.mem && !y.half)
        TRY(channel_broadcast(d, s.n * plane, s.o, bias, y));
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        struct matrix out = MATRIX(y.half ? scratch.output : y, s.o);
        out.offset = y.half ? 0 : first * plane * s.o;
        TRY(im2col(d, part, x, first, scratch.input));
        TRY(gemm(d, part.n * plane, s.o, 9 * s.c, MATRIX(scratch.input, 9 * s.c), MATRIX(weight, s.o),
                 bias.mem && !y.half ? GEMM_ADD : GEMM_SET, out, 1));
        if (y.half)
            TRY(storage_narrow(d, part.n * plane, s.o, scratch.output, bias, y, first * plane));
    }
    return VGGCL_OK;
}

static enum vggcl_err weight_gradient(const struct conv_algorithm *a, struct dev *d, struct conv_shape s,
                                      struct tensor x, struct tensor dy, struct tensor dweight,
                                      struct conv_scratch scratch) {
    (void)a;
    size_t plane = s.h * s.w, images = chunk(d, s);
    for (size_t first = 0; first < s.n; first += images) {
        struct conv_shape part = s;
        part.n = s.n - first < images ? s.n - first : images;
        struct matrix gradient = MATRIX(dy.half ? scratch.output : dy, s.o);
        gradient.offset = dy.half ? 0 : first * plane * s.o;
        if (dy.half)
            TRY(storage_widen(d, part.n * plane, s.o, dy, first * plane, scratch.output));
        TRY(im2col(d, part, x, first, scratch.input));
        TRY(gemm(d, 9 * s.c, s.o, part.n * plane, TRANSPOSED(scratch.input, 9 * s.c), gradient,
                 first ? GEMM_ADD : GEMM_SET, MATRIX(dweight, s.o), 1));
    }
    return VGGCL_OK;
}

const struct conv_algorithm conv_im2col = {.name = "im2col",
                                           .scratch = scratch_words,
                                           .product = product,
                                           .forward = forward,
                                           .weight_gradient = weight_gradient};
