/* average.cl - exponential moving averages, of anything elementwise: running statistics, weights. */

/* average = average + share * (value - average), on count blocks; nothing where *failed is set (see sgd.cl). */
kernel void average_move(global const int *failed, global float *average, global const float *value, int count,
                         float share) {
    int i = get_global_id(0);
    if (i >= count || *failed)
        return;
    vec old = VLOAD(i, average);
    VSTORE(MAD((vec)share, VLOAD(i, value) - old, old), i, average);
}

/* a and b change places, on count blocks. */
kernel void average_swap(global float *a, global float *b, int count) {
    int i = get_global_id(0);
    if (i >= count)
        return;
    vec kept = VLOAD(i, a);
    VSTORE(VLOAD(i, b), i, a);
    VSTORE(kept, i, b);
}
