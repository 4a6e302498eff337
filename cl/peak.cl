/* peak.cl - measures a device's peak performance: multiply-adds, and bytes read, written and copied per second. */

#define CHAINS 12 /* independent sums: enough to hide the latency of two multiply-add units */

/* Each of `items` work-items computes rounds * CHAINS * VW multiply-adds, and writes their sum so that the compiler
 * cannot leave any out. Because a work-item may return early, the compiler cannot put a barrier into the loop, which
 * would keep the chains in memory. */
kernel void multiply_add(int items, int rounds, float factor, global float *sum) {
    int i = get_global_id(0);
    if (i >= items)
        return;
    vec chain[CHAINS];
    UNROLL for (int k = 0; k < CHAINS; k++)
        chain[k] = (vec)(float)(i + k);
    for (int round = 0; round < rounds; round++) {
        UNROLL for (int k = 0; k < CHAINS; k++)
            chain[k] = MAD(chain[k], (vec)factor, (vec)factor);
    }
    vec total = 0;
    UNROLL for (int k = 0; k < CHAINS; k++)
        total += chain[k];
    VSTORE(total, i, sum);
}

/* The kernels that move memory: work-item i of `items` has the blocks i * item_step + k * round_step for k < rounds.
 * The host chooses the steps so that a CPU core reads forward, and that the work-items of a GPU read neighbours. STREAM
 * writes past the cache where VSTREAM does. */
#ifndef STREAM
#define STREAM 0
#endif
#if STREAM
#define WRITE VSTREAM
#else
#define WRITE VSTORE
#endif

#define SUMS 8 /* independent sums; divides rounds */

/* sum[i] = the sum of the work-item's blocks. */
kernel void read(global const float *from, int items, int rounds, int item_step, int round_step, global float *sum) {
    int i = get_global_id(0);
    if (i >= items)
        return;
    vec chain[SUMS];
    UNROLL for (int k = 0; k < SUMS; k++)
        chain[k] = 0;
    for (int round = 0, block = i * item_step; round < rounds; round += SUMS) {
        UNROLL for (int k = 0; k < SUMS; k++, block += round_step)
            chain[k] += VLOAD(block, from);
    }
    vec total = 0;
    UNROLL for (int k = 0; k < SUMS; k++)
        total += chain[k];
    VSTORE(total, i, sum);
}

/* to[block] = value. */
kernel void write(int items, int rounds, int item_step, int round_step, float value, global float *to) {
    int i = get_global_id(0);
    if (i >= items)
        return;
    for (int round = 0, block = i * item_step; round < rounds; round++, block += round_step)
        WRITE((vec)value, block, to);
}

/* Copies the first half of `buffer` over the second, which begins at block number half_blocks. */
kernel void copy(int items, int rounds, int item_step, int round_step, int half_blocks, global float *buffer) {
    int i = get_global_id(0);
    if (i >= items)
        return;
    for (int round = 0, block = i * item_step; round < rounds; round++, block += round_step)
        WRITE(VLOAD(block, buffer), half_blocks + block, buffer);
}
