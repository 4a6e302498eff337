/* channel.cl - broadcasts and sums over the rows of a [rows][c] matrix. */

/* y[row][c] = bias[c]; a matrix product with beta = 1 then adds to it. */
kernel void broadcast(global const float *bias, int rows, int c, global float *y) {
    int i = get_global_id(0), blocks = c / VW;
    if (i < rows * blocks)
        VSTORE(VLOAD(i % blocks, bias), i, y);
}

/* partial[slab][c] = the sum over the slab's rows. A slab has slab_rows rows; the last may have fewer. */
kernel void column_sum_partial(global const stored *x, int rows, int c, int slab_rows, global float *partial) {
    int i = get_global_id(0), blocks = c / VW;
    int block = i % blocks, slab = i / blocks, first = slab * slab_rows;
    if (first >= rows)
        return;
    int last = min(first + slab_rows, rows);
    vec sum = 0;
    for (int row = first; row < last; row++)
        sum += ALOAD(block, x + (size_t)row * c);
    VSTORE(sum, i, partial);
}

/* sum[c] = the total of partial[slabs][c]. The GROUP_ITEMS work-items of a group add up the slabs of a
 * block together. */
REDUCTION_KERNEL void column_sum_finish(global const float *partial, int slabs, int c, global float *sum) {
    int block = get_global_id(0) / GROUP_ITEMS, item = get_global_id(0) % GROUP_ITEMS;
    local vec shared[GROUP_ITEMS];
    if (block >= c / VW)
        return;
    vec total = 0;
    for (int slab = item; slab < slabs; slab += GROUP_ITEMS)
        total += VLOAD(block, partial + (size_t)slab * c);
    total = group_sum(total, shared);
    if (item == 0)
        VSTORE(total, block, sum);
}
