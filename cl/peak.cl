/* peak.cl - what a device can do at most: how many multiply-adds, how many bytes a second. */

#define CHAINS 12 /* independent sums, enough to hide the latency of two multiply-add units */

/* Each work-item does rounds * CHAINS * VW multiply-adds, and writes their sum so that none can be left out. */
kernel void multiply_add(int rounds, float factor, global float *sum) {
    int i = get_global_id(0);
    vec chain[CHAINS];
    UNROLL for (int k = 0; k < CHAINS; k++) chain[k] = (vec)(float)(i + k);
    for (int round = 0; round < rounds; round++) {
        UNROLL for (int k = 0; k < CHAINS; k++) chain[k] = MAD(chain[k], (vec)factor, (vec)factor);
    }
    vec total = 0;
    UNROLL for (int k = 0; k < CHAINS; k++) total += chain[k];
    VSTORE(total, i, sum);
}

/* to = from, count blocks. */
kernel void copy(global const float *from, int count, global float *to) {
    int i = get_global_id(0);
    if (i < count)
        VSTORE(VLOAD(i, from), i, to);
}
