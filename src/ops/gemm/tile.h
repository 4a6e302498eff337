/* tile.h - the tile sizes of the built-in matrix product kernels (cl/gemm.cl, cl/gemm_local.cl). */
#ifndef VGGCL_OPS_GEMM_TILE_H
#define VGGCL_OPS_GEMM_TILE_H

#include "cl/device.h"

struct gemm_tile {
    int rows;    /* rows of a work-item's register tile: 1..16 */
    int vectors; /* vectors per row of the register tile: 1..4 */
    int width;   /* maximum floats per vector: 1, 2, 4, 8 or 16; rows * vectors * width is at most 512 */
    /* Without local memory (group_rows = 0): rows that a work-item computes, a multiple of `rows` up to 1024. */
    int panel;
    /* With local memory: work-items of a work-group in direction of rows and of columns, 1..64 each; and the depth
     * along k of the tiles of a and b in local memory, 1..64. A work-item must load at most 128 words of these tiles.
     */
    int group_rows, group_columns, depth;
};

/* The tile for d by the built-in rule, for a not transposed or transposed: without local memory on CPUs, with it
 * elsewhere. */
struct gemm_tile gemm_built_in_tile(const struct dev *d, bool transposed);

/* Other tiles for d, for use where the measured one gives wrong results: the built-in rule's, then small ones without
 * and with local memory. Returns their number. */
enum { GEMM_OTHER_TILES = 3 };
size_t gemm_other_tiles(const struct dev *d, bool transposed, struct gemm_tile tiles[GEMM_OTHER_TILES]);

/* VGGCL_EUSAGE, naming the parameter, if a member of t is out of range or exceeds a limit of d. */
enum vggcl_err gemm_tile_check(const struct dev *d, struct gemm_tile t);

/* Words from one k to the next of a tile in local memory, for `items` work-items of `each` words: padded by one vector
 * of `width` words, so that neighbours along k are in different memory banks. */
size_t gemm_local_stride(size_t items, size_t each, size_t width);

/* Bytes of local memory per work-group. */
size_t gemm_local_bytes(struct gemm_tile t);

/* The maximum length of sums in one launch on d (see dev_most_rounds()), a multiple of 64. */
size_t gemm_tile_longest_sum(const struct dev *d, struct gemm_tile t);

/* Formats t for users: "registers 8x2 of 16, panel 64", "local 16x16, 8x1 of 4, depth 16". */
enum { GEMM_TILE_TEXT = 64 };
void gemm_tile_text(struct gemm_tile t, char text[GEMM_TILE_TEXT]);

#endif
