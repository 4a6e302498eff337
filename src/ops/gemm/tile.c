#include "ops/gemm/tile.h"

#include <stdio.h>

/* CPUs with AVX-512 have 32 registers of 16 floats. A register tile of 6 rows x 4 vectors leaves registers for the
 * vectors of b and does 2.4 multiply-adds per load: measured 10 % faster than 8 x 2. If a is transposed, 8 x 2 is 6 %
 * faster, because eight rows of a are one load. Other CPUs have fewer registers: with AVX2, 6 x 2 vectors of 8 floats
 * is the fastest (data/profiles). If work-items map to SIMD lanes, a work-group computes 128 x 64 words, or 64 x 64 for
 * a transposed a (measured on an H100), or less on devices with smaller limits. */
struct gemm_tile gemm_built_in_tile(const struct dev *d, bool transposed) {
    if (!d->simt && d->info.native_vector_width >= 16 && !transposed)
        return (struct gemm_tile){.rows = 6, .vectors = 4, .width = d->vector_width, .panel = 96};
    if (!d->simt)
        return (struct gemm_tile){.rows = 8, .vectors = 2, .width = d->vector_width, .panel = 64};
    struct gemm_tile t = {
        .rows = 8, .vectors = 2, .width = d->vector_width, .group_rows = 16, .group_columns = 8, .depth = 16};
    if (transposed)
        t = (struct gemm_tile){
            .rows = 8, .vectors = 1, .width = d->vector_width, .group_rows = 8, .group_columns = 16, .depth = 16};
    while (t.group_rows > 1 && (size_t)(t.group_rows * t.group_columns) > d->info.work_group_size)
        t.group_rows /= 2;
    while (t.depth > 1 && gemm_local_bytes(t) > d->info.local_memory)
        t.depth /= 2;
    return t;
}

size_t gemm_other_tiles(const struct dev *d, bool transposed, struct gemm_tile tiles[GEMM_OTHER_TILES]) {
    const struct gemm_tile all[GEMM_OTHER_TILES] = {
        gemm_built_in_tile(d, transposed),
        {.rows = 4, .vectors = 1, .width = d->vector_width, .panel = 16},
        {.rows = 4, .vectors = 1, .width = 1, .group_rows = 4, .group_columns = 4, .depth = 4}};
    size_t count = 0;
    char *kept = err_keep();
    for (size_t i = 0; i < GEMM_OTHER_TILES; i++)
        if (gemm_tile_check(d, all[i]) == VGGCL_OK)
            tiles[count++] = all[i];
    err_put_back(kept);
    return count;
}

static enum vggcl_err check_range(const char *name, int value, int least, int most) {
    if (value >= least && value <= most)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "matrix product tile: %s must be %d to %d, not %d", name, least, most, value);
}

enum vggcl_err gemm_tile_check(const struct dev *d, struct gemm_tile t) {
    TRY(check_range("rows", t.rows, 1, 16));
    TRY(check_range("vectors", t.vectors, 1, 4));
    TRY(check_range("width", t.width, 1, 16));
    if (t.width & (t.width - 1))
        return err_set(VGGCL_EUSAGE, "matrix product tile: width must be 1, 2, 4, 8 or 16, not %d", t.width);
    TRY(check_range("rows * vectors * width", t.rows * t.vectors * t.width, 1, 512));
    TRY(check_range("group_rows", t.group_rows, 0, 64));
    if (t.group_rows == 0) {
        TRY(check_range("panel", t.panel, t.rows, 1024));
        return t.panel % t.rows == 0
                   ? VGGCL_OK
                   : err_set(VGGCL_EUSAGE, "matrix product tile: panel %d is not a multiple of rows %d", t.panel,
                             t.rows);
    }
    TRY(check_range("group_columns", t.group_columns, 1, 64));
    TRY(check_range("depth", t.depth, 1, 64));
    if ((size_t)(t.group_rows * t.group_columns) > d->info.work_group_size)
        return err_set(VGGCL_EUSAGE,
                       "matrix product tile: a work-group of %d x %d work-items exceeds the maximum of %zu of %s",
                       t.group_rows, t.group_columns, d->info.work_group_size, d->info.name);
    TRY(check_range("depth * (tile rows + columns) / work-items",
                    t.depth * (t.group_rows * t.rows + t.group_columns * t.vectors * t.width) /
                        (t.group_rows * t.group_columns),
                    0, 128));
    if (gemm_local_bytes(t) > d->info.local_memory)
        return err_set(VGGCL_EUSAGE, "matrix product tile: needs %zu bytes of local memory; %s has %llu",
                       gemm_local_bytes(t), d->info.name, (unsigned long long)d->info.local_memory);
    return VGGCL_OK;
}

size_t gemm_local_stride(size_t items, size_t each, size_t width) {
    return items * each + width;
}

/* Both tiles are double-buffered. */
size_t gemm_local_bytes(struct gemm_tile t) {
    size_t width = (size_t)t.width;
    return 4 * 2 * (size_t)t.depth *
           (gemm_local_stride((size_t)t.group_rows, (size_t)t.rows, width) +
            gemm_local_stride((size_t)t.group_columns, (size_t)t.vectors * width, width));
}

void gemm_tile_text(struct gemm_tile t, char text[GEMM_TILE_TEXT]) {
    if (t.group_rows)
        snprintf(text, GEMM_TILE_TEXT, "local %dx%d, %dx%d of %d, depth %d", t.group_rows, t.group_columns, t.rows,
                 t.vectors, t.width, t.depth);
    else
        snprintf(text, GEMM_TILE_TEXT, "registers %dx%d of %d, panel %d", t.rows, t.vectors, t.width, t.panel);
}

/* Loop iterations are counted as if no loop were unrolled. A step along k takes one iteration for each register tile of
 * a panel, or about 8 with local memory. */
enum { SHORTEST_SUM = 64 };

size_t gemm_tile_longest_sum(const struct dev *d, struct gemm_tile t) {
    size_t depth = dev_most_rounds(d) / (t.group_rows ? 8 : (size_t)(t.panel / t.rows));
    return depth < SHORTEST_SUM ? SHORTEST_SUM : depth / SHORTEST_SUM * SHORTEST_SUM;
}
