/* gemm.h - the one door to every matrix product. Two engines stand behind it: CLBlast, which GPUs are tuned for, and
 * the project's own register-tiled kernel (cl/gemm.cl), several times faster on CPUs. */
#ifndef VGGCL_OPS_GEMM_H
#define VGGCL_OPS_GEMM_H

#include "cl/device.h"

/* A batch of row-major matrices in a tensor: row r of matrix i begins at offset + i * step + r * stride (words). */
struct matrix {
    struct tensor data;
    size_t offset, stride, step;
    bool transposed; /* what is multiplied is the transpose of what is stored */
};

/* A single matrix, its rows stride words apart. */
#define MATRIX(tensor, stride)     ((struct matrix){(tensor), 0, (stride), 0, false})
#define TRANSPOSED(tensor, stride) ((struct matrix){(tensor), 0, (stride), 0, true})

/* c = a b of batch matrices: m x k by k x n. */
struct gemm_shape {
    size_t m, n, k, batch;
};

/* Who multiplies. */
enum gemm_engine { GEMM_AUTO, GEMM_CLBLAST, GEMM_TILED };
extern const char *const gemm_engine_names[]; /* "auto", "clblast", "tiled"; ended by NULL */

enum gemm_add { GEMM_SET = 0, GEMM_ADD = 1 }; /* what becomes of the output's old values */

/* c = a * b, or c += a * b: a is m x k, b is k x n, c is m x n (never transposed), for each of batch matrices. By the
 * engine chosen with gemm_use, or the device's default: the own kernel on CPUs, CLBlast elsewhere. */
enum vggcl_err gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b, enum gemm_add add,
                    struct matrix c, size_t batch);

/* name: "auto", "clblast" or "tiled"; anything else is VGGCL_EUSAGE. Holds for all later products on d. */
enum vggcl_err gemm_use(struct dev *d, const char *name);

/* The engine that multiplies on d now, never GEMM_AUTO. */
enum gemm_engine gemm_engine(const struct dev *d);

/* Has engine multiply from now on. Answers what was chosen before, to be put back in the same way. */
enum gemm_engine gemm_switch(struct dev *d, enum gemm_engine engine);

/* Whether gemm_use() has left the choice open, or chosen engine. */
bool gemm_allows(const struct dev *d, enum gemm_engine engine);

#endif
