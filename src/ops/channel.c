#include "ops/channel.h"

#include <stdio.h>

/* Enough slabs to keep a device busy, but few, so that the second step is short. A slab has at most 2048 rows, so that
 * a work-item stays below DEV_CPU_ROUNDS loop iterations: bn_partial needs up to ten per row. */
static struct slabbing slabbing(const struct dev *d) {
    return (struct slabbing){.slabs = d->simt ? 2048 : 256, .least = 16, .most = 2048};
}

enum { COLUMNS = 4, MOST_GROUP_ITEMS = 256 /* a power of two */ };

size_t slab_rows(struct slabbing s, size_t rows) {
    size_t each = quotient_up(rows, s.slabs);
    if (each > s.most)
        each = s.most;
    return each > s.least ? each : s.least;
}

size_t slab_count(struct slabbing s, size_t rows) {
    return quotient_up(rows, slab_rows(s, rows));
}

size_t slab_room(struct slabbing s, size_t rows) {
    size_t count = slab_count(s, rows), shortest = quotient_up(rows, s.least);
    size_t fewer = shortest < s.slabs ? shortest : s.slabs;
    return count > fewer ? count : fewer;
}

size_t channel_slab_rows(const struct dev *d, size_t rows) {
    return slab_rows(slabbing(d), rows);
}

size_t channel_slabs(const struct dev *d, size_t rows) {
    return slab_count(slabbing(d), rows);
}

size_t channel_workspace(const struct dev *d, size_t rows, size_t c) {
    return slab_room(slabbing(d), rows) * c;
}

size_t channel_group_items(const struct dev *d, size_t slabs) {
    size_t most = d->simt ? MOST_GROUP_ITEMS : 1, group_items = 1;
    while (group_items < slabs && group_items < most && 2 * group_items <= d->info.work_group_size)
        group_items *= 2;
    return group_items;
}

enum vggcl_err channel_finish(struct dev *d, const char *kernel, size_t slabs, size_t c, const struct arg *args) {
    char options[48];
    size_t vectors = c / (size_t)dev_vector_width(d, (int)c), group_items = channel_group_items(d, slabs);
    if (group_items == 1)
        return dev_run(d, kernel, dev_vector_option(d, (int)c), RANGE(vectors), args);
    snprintf(options, sizeof options, "%s -DGROUP_ITEMS=%zu", dev_vector_option(d, (int)c), group_items);
    return dev_run(d, kernel, options, (struct range){{vectors * group_items, 1, 1}, {group_items, 1, 1}}, args);
}

size_t channel_columns(const struct dev *d, size_t c) {
    size_t vectors = c / (size_t)dev_vector_width(d, (int)c), columns = d->simt ? 1 : COLUMNS;
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
    const char *option = dev_stored_option(d, (int)c, x.stored);
    size_t blocks = c / (size_t)dev_vector_width(d, (int)c), slabs = channel_slabs(d, rows);
    TRY(dev_run(d, "channel/column_sum_partial", option, RANGE(slabs * blocks),
                ARGS(A_MEM(x), A_INT(rows), A_INT(c), A_INT(channel_slab_rows(d, rows)), A_MEM(workspace))));
    return channel_finish(d, "channel/column_sum_finish", slabs, c,
                          ARGS(A_MEM(workspace), A_INT(slabs), A_INT(c), A_MEM(sum)));
}
