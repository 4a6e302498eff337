#include "ops/channel.h"

/* Enough slabs to keep a device busy, few enough that the serial second level stays short, unless they got longer than
 * a work-item's loops may be (DEV_CPU_ROUNDS; bn_partial has up to ten for a row). */
enum { MOST_SLABS = 256, LEAST_SLAB_ROWS = 16, MOST_SLAB_ROWS = 2048 };

static size_t least(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t most(size_t a, size_t b) {
    return a > b ? a : b;
}

enum { CPU_COLUMNS = 4 };

size_t channel_slab_rows(size_t rows) {
    size_t slab_rows = (rows + MOST_SLABS - 1) / MOST_SLABS;
    return least(most(slab_rows, LEAST_SLAB_ROWS), MOST_SLAB_ROWS);
}

size_t channel_slabs(size_t rows) {
    size_t slab_rows = channel_slab_rows(rows);
    return (rows + slab_rows - 1) / slab_rows;
}

/* Fewer rows may make more slabs, but never more than the shortest ones are, up to MOST_SLABS. */
size_t channel_workspace(size_t rows, size_t c) {
    size_t shortest = (rows + LEAST_SLAB_ROWS - 1) / LEAST_SLAB_ROWS;
    return most(least(shortest, MOST_SLABS), channel_slabs(rows)) * c;
}

size_t channel_columns(const struct dev *d, size_t c) {
    size_t vectors = c / (size_t)dev_vector_width(d, (int)c), columns = d->info.type == VGGCL_CPU ? CPU_COLUMNS : 1;
    while (vectors % columns)
        columns /= 2;
    return columns;
}

enum vggcl_err channel_broadcast(struct dev *d, size_t rows, size_t c, struct tensor bias, struct tensor y) {
    size_t width = (size_t)dev_vector_width(d, (int)c);
    return dev_run(d, "channel/broadcast", dev_vector_option(d, (int)c), RANGE(rows * c / width),
                   ARGS(A_MEM(bias), A_INT(rows), A_INT(c), A_MEM(y)));
}

enum vggcl_err channel_sum(struct dev *d, size_t rows, size_t c, struct tensor x, struct tensor sum,
                           struct tensor workspace) {
    const char *option = dev_stored_option(d, (int)c, x);
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), slabs = channel_slabs(rows);
    TRY(dev_run(d, "channel/column_sum_partial", option, RANGE(slabs * blocks),
                ARGS(A_MEM(x), A_INT(rows), A_INT(c), A_INT(channel_slab_rows(rows)), A_MEM(workspace))));
    return dev_run(d, "channel/column_sum_finish", option, RANGE(blocks),
                   ARGS(A_MEM(workspace), A_INT(slabs), A_INT(c), A_MEM(sum)));
}
