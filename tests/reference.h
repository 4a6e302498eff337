/* reference.h - what the kernels should compute, as plain loops in double precision. Arrays are laid out as the ops'
 * headers say. Each answer carries the magnitudes that its rounding errors are measured by; see struct exact. */
#ifndef VGGCL_TESTS_REFERENCE_H
#define VGGCL_TESTS_REFERENCE_H

#include "common.h"

#include "ops/conv.h"
#include "ops/gemm.h"
#include "ops/sgd.h"

/* ------------------------------------------------------------------------------------------------ convolutions -- */

/* The pixel that tap reaches from pixel of s.n images, counted through all of them; -1 outside of the image. */
long expected_neighbour(struct conv_shape s, size_t pixel, size_t tap);

/* y[n][h][w][o]; bias may be NULL. */
struct exact expected_conv(struct conv_shape s, const float *x, const float *weight, const float *bias);

/* dx[n][h][w][c]. */
struct exact expected_conv_data_gradient(struct conv_shape s, const float *weight, const float *dy);

/* dweight[tap][c][o]. */
struct exact expected_conv_weight_gradient(struct conv_shape s, const float *x, const float *dy);

/* rotated[tap][c][o] = weight[8 - tap][o][c]. */
float *expected_rotate(size_t c, size_t o, const float *weight);

/* --------------------------------------------------------------------------------------------- Winograd's F(t,3) -- */

/* The matrices of the 1-D algorithm y = A' [(G g) * (B' d)], and their transposes. */
enum winograd_matrix { WINOGRAD_BT, WINOGRAD_G, WINOGRAD_GT, WINOGRAD_A, WINOGRAD_AT };

/* out = M in M', in being columns x columns and out rows x rows of M; t is 2 or 4. magnitude: |M| |in| |M'|. */
void expected_winograd(int t, enum winograd_matrix which, const double *in, double *out, double *magnitude);

/* ---------------------------------------------------------------------------------------------- matrix products -- */

/* All of c's words after c = a * b (or c += a * b) of batch matrices; the views' tensors are not looked at, the words
 * are those at a, b and c. Words of c between the matrices' rows stay. */
struct exact expected_gemm(size_t m, size_t n, size_t k, struct matrix a_view, const float *a, struct matrix b_view,
                           const float *b, enum gemm_add add, struct matrix c_view, size_t c_count, const float *c,
                           size_t batch);

/* ------------------------------------------------------------------------------------------------------- others -- */

/* sum[c] over rows. */
struct exact expected_column_sum(size_t rows, size_t c, const float *x);

struct expected_softmax {
    struct exact loss, dlogits;
    int32_t *predicted;
};
struct expected_softmax expected_softmax(size_t n, size_t classes, const float *logits, const int32_t *label);

struct expected_sgd {
    struct exact weight, velocity;
};
struct expected_sgd expected_sgd(size_t count, struct sgd sgd, const float *weight, const float *gradient,
                                 const float *velocity);

#endif
