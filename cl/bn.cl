/* bn.cl - batch normalisation over the pixels of a [pixels][c] matrix (Ioffe and Szegedy 2015). */

#ifndef COLUMNS
#define COLUMNS 1 /* neighbouring vectors of channels that a work-item handles */
#endif

/* The statistics of slabs of slab_rows pixels: partial[slab], see common.cl. Some convolutions compute them with their
 * output instead. */
kernel void bn_partial(global const stored *x, int pixels, int c, int slab_rows, global float *partial) {
    int i = get_global_id(0), blocks = c / (VW * COLUMNS);
    int slab = i / blocks, first = slab * slab_rows, last = min(first + slab_rows, pixels);
    if (first >= pixels)
        return;
    vec mean[COLUMNS], squares[COLUMNS];
    x += i % blocks * (VW * COLUMNS);
    partial = SLAB(slab, partial, c) + i % blocks * (VW * COLUMNS);
    UNROLL for (int j = 0; j < COLUMNS; j++)
        mean[j] = squares[j] = 0;
    for (int pixel = first; pixel < last; pixel++) {
        UNROLL for (int j = 0; j < COLUMNS; j++)
            mean[j] += ALOAD(j, x + (size_t)pixel * c);
    }
    UNROLL for (int j = 0; j < COLUMNS; j++)
        mean[j] /= (float)(last - first);
    for (int pixel = first; pixel < last; pixel++) {
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            vec difference = ALOAD(j, x + (size_t)pixel * c) - mean[j];
            squares[j] = MAD(difference, difference, squares[j]);
        }
    }
    UNROLL for (int j = 0; j < COLUMNS; j++)
        store_slab(last - first, mean[j], squares[j], j, partial, c);
}

/* Over all pixels: mean[c], the unbiased variance[c], and inverse_deviation[c] = 1 / sqrt(biased variance + epsilon).
 * The normalised value is y = x * scale + shift. The slabs of a block are divided among the GROUP_ITEMS work-items of
 * a group: work-item i combines slabs i, i + GROUP_ITEMS, ... */
REDUCTION_KERNEL void bn_finish(global const float *partial, int slabs, int c, float epsilon, global const float *gamma,
                                global const float *beta, global float *mean, global float *variance,
                                global float *inverse_deviation, global float *scale, global float *shift) {
    int block = get_global_id(0) / GROUP_ITEMS, item = get_global_id(0) % GROUP_ITEMS;
    local vec shared[GROUP_ITEMS];
    if (block >= c / VW)
        return;
    vec count = 0, m = 0, squares = 0;
    for (int slab = item; slab < slabs; slab += GROUP_ITEMS) {
        global const float *of_slab = SLAB(slab, partial, c);
        vec pixels = VLOAD(block, of_slab), share = pixels / (count + pixels);
        vec difference = VLOAD(block, of_slab + c) - m;
        squares += VLOAD(block, of_slab + 2 * c) + difference * difference * (count * share);
        m += difference * share;
        count += pixels;
    }
    if (GROUP_ITEMS > 1) {
        vec all = group_sum(count, shared), middle = group_sum(count * m, shared) / all, difference = m - middle;
        squares = group_sum(squares + count * difference * difference, shared);
        m = middle;
        count = all;
    }
    if (item > 0)
        return;
    vec inverse = 1 / sqrt(squares / count + epsilon);
    VSTORE(m, block, mean);
    VSTORE(squares / max(count - 1, (vec)1), block, variance);
    VSTORE(inverse, block, inverse_deviation);
    vec factor = VLOAD(block, gamma) * inverse;
    VSTORE(factor, block, scale);
    VSTORE(VLOAD(block, beta) - m * factor, block, shift);
}

/* scale[c] and shift[c] from the running statistics. */
kernel void bn_inference(int c, float epsilon, global const float *gamma, global const float *beta,
                         global const float *running_mean, global const float *running_variance, global float *scale,
                         global float *shift) {
    int block = get_global_id(0);
    if (block >= c / VW)
        return;
    vec factor = VLOAD(block, gamma) / sqrt(VLOAD(block, running_variance) + epsilon);
    VSTORE(factor, block, scale);
    VSTORE(VLOAD(block, beta) - VLOAD(block, running_mean) * factor, block, shift);
}

/* dbeta[c] and dgamma[c]: the totals of partial[slab][0][c] and [1][c]. The GROUP_ITEMS work-items of a group
 * add up the slabs of a block together. */
REDUCTION_KERNEL void bn_gradient_finish(global const float *partial, int slabs, int c, global float *dgamma,
                                         global float *dbeta) {
    int block = get_global_id(0) / GROUP_ITEMS, item = get_global_id(0) % GROUP_ITEMS;
    local vec shared[GROUP_ITEMS];
    if (block >= c / VW)
        return;
    vec sum = 0, product = 0;
    for (int slab = item; slab < slabs; slab += GROUP_ITEMS) {
        sum += VLOAD(block, partial + (size_t)slab * 2 * c);
        product += VLOAD(block, partial + (size_t)slab * 2 * c + c);
    }
    sum = group_sum(sum, shared);
    product = group_sum(product, shared);
    if (item > 0)
        return;
    VSTORE(sum, block, dbeta);
    VSTORE(product, block, dgamma);
}
