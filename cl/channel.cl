/* channel.cl - what is done along the channels of a [rows][c] matrix: adding a bias, summing columns. */

/* y[row][c] = bias[c]: what a GEMM with beta = 1 then adds to. */
kernel void broadcast(global const float *bias, int rows, int c, global float *y) {
    int i = get_global_id(0), blocks = c / VW;
    if (i < rows * blocks)
        VSTORE(VLOAD(i % blocks, bias), i, y);
}

/* partial[slab][c] = sum of the slab's rows, slab_rows of them; the last slab may be shorter. */
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

/* sum[c] = total of partial[slabs][c], SHARERS work-items taking the slabs in turn. */
SHARED_KERNEL void column_sum_finish(global const float *partial, int slabs, int c, global float *sum) {
    int block = get_global_id(0) / SHARERS, sharer = get_global_id(0) % SHARERS;
    local vec shared[SHARERS];
    if (block >= c / VW)
        return;
    vec total = 0;
    for (int slab = sharer; slab < slabs; slab += SHARERS)
        total += VLOAD(block, partial + (size_t)slab * c);
    total = group_sum(total, shared);
    if (sharer == 0)
        VSTORE(total, block, sum);
}
