/* matrix.h - the operands of a matrix product, as views into tensors. */
#ifndef VGGCL_OPS_GEMM_MATRIX_H
#define VGGCL_OPS_GEMM_MATRIX_H

#include "cl/device.h"

/* A batch of row-major matrices in a tensor: row r of matrix i begins at word offset + i * step + r * stride. */
struct matrix {
    struct tensor data;
    size_t offset, stride, step;
    bool transposed; /* the operand is the transpose of the stored matrix */
};

/* A single matrix; stride: words from one row to the next. */
#define MATRIX(tensor, stride)     ((struct matrix){(tensor), 0, (stride), 0, false})
#define TRANSPOSED(tensor, stride) ((struct matrix){(tensor), 0, (stride), 0, true})

/* c = a b, for each of `batch` matrices: a is m x k, b is k x n, c is m x n. */
struct gemm_shape {
    size_t m, n, k, batch;
};

/* Whether the product overwrites the output or is added to it. */
enum gemm_add { GEMM_SET = 0, GEMM_ADD = 1 };

/* The largest width / 2^i that divides all numbers that are or-ed into `places`; width is a power of two. */
static inline size_t gemm_dividing(size_t width, size_t places) {
    while (places % width)
        width /= 2;
    return width;
}

/* The vector width along the n columns: the largest power of two up to `width` that divides n and the positions of the
 * rows of c, and of b unless it is transposed. */
static inline size_t gemm_vector_width(size_t width, size_t n, struct matrix b, struct matrix c) {
    size_t places = n | c.offset | c.stride | c.step;
    if (!b.transposed)
        places |= b.offset | b.stride | b.step;
    return gemm_dividing(width, places);
}

#endif
