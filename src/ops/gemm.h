/* gemm.h - the one door to every matrix product. Two engines stand behind it: the project's own tiled kernels, in
 * registers alone (cl/gemm.cl), for CPUs, or with local memory (cl/gemm_local.cl), for GPUs; and CLBlast. */
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

/* How the own kernels cut a product up. */
struct gemm_tile {
    int rows;    /* of a work-item's register tile: 1..16 */
    int vectors; /* across it: 1..4 */
    int width;   /* floats of a vector at most: 1, 2, 4, 8 or 16; rows * vectors * width is at most 512 */
    /* In registers alone: rows of a work-item, a multiple of `rows` up to 1024. */
    int panel;
    /* With local memory: work-items of a work-group, 1..64 down and across, as many as the device takes; 0 down for
     * registers alone. And how far along k a tile of a and b in local memory reaches: 1..64, but not so far that a
     * work-item brings more than 128 words of them. */
    int group_rows, group_columns, depth;
};

/* What suits d where a is stored as it is, or transposed: registers on CPUs, local memory elsewhere. */
struct gemm_tile gemm_built_in_tile(const struct dev *d, bool transposed);

/* VGGCL_EUSAGE, naming the parameter, where t is out of range or more than d has. */
enum vggcl_err gemm_tile_check(const struct dev *d, struct gemm_tile t);

/* The width, halved until it divides all that is or-ed into places. */
static inline size_t gemm_dividing(size_t width, size_t places) {
    while (places % width)
        width /= 2;
    return width;
}

/* The width of t's vectors for n columns: it divides them, and where the rows of b and c begin. */
size_t gemm_vector_width(struct gemm_tile t, size_t n, struct matrix b, struct matrix c);

/* "registers 8x2 of 16, panel 64", "local 16x16, 8x1 of 4, depth 16". */
enum { GEMM_TILE_TEXT = 64 };
void gemm_tile_text(struct gemm_tile t, char text[GEMM_TILE_TEXT]);

/* Who multiplies. */
enum gemm_engine { GEMM_AUTO, GEMM_CLBLAST, GEMM_TILED };
extern const char *const gemm_engine_names[]; /* "auto", "clblast", "tiled"; ended by NULL */

enum gemm_add { GEMM_SET = 0, GEMM_ADD = 1 }; /* what becomes of the output's old values */

/* c = a * b, or c += a * b: a is m x k, b is k x n, c is m x n (never transposed), for each of batch matrices. By the
 * engine chosen with gemm_use, or the own kernels: on an H100 too they were up to twice as fast as CLBlast. */
enum vggcl_err gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b, enum gemm_add add,
                    struct matrix c, size_t batch);

/* name: "auto", "clblast" or "tiled"; anything else is VGGCL_EUSAGE. Holds for all later products on d. */
enum vggcl_err gemm_use(struct dev *d, const char *name);

/* The engine that multiplies on d now, never GEMM_AUTO. */
enum gemm_engine gemm_engine(const struct dev *d);

/* What it launches where a is stored as it is, or transposed: "gemm/gemm", "gemm_local/gemm_local" or "CLBlast". */
const char *gemm_kernels(const struct dev *d, bool transposed);

/* Has engine multiply from now on. Answers what was chosen before, to be put back in the same way. */
enum gemm_engine gemm_switch(struct dev *d, enum gemm_engine engine);

/* Whether gemm_use() has left the choice open, or chosen engine. */
bool gemm_allows(const struct dev *d, enum gemm_engine engine);

#endif
