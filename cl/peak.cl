/* peak.cl - measures a device's peak performance: multiply-adds and copied bytes per second. */

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

/* to[i] = from[i], for count blocks. */
kernel void copy(global const float *from, int count, global float *to) {
    int i = get_global_id(0);
    if (i < count)
        VSTORE(VLOAD(i, from), i, to);
}
