/* average.cl - exponential moving averages, by element: of running statistics and of weights. */

/* average += share * (value - average), on count blocks; does nothing if *failed is set (see sgd.cl). */
kernel void average_move(global const int *failed, global float *average, global const float *value, int count,
                         float share) {
    int i = get_global_id(0);
    if (i >= count || *failed)
        return;
    vec old = VLOAD(i, average);
    VSTORE(MAD((vec)share, VLOAD(i, value) - old, old), i, average);
}

/* Swaps a and b, on count blocks. */
kernel void average_swap(global float *a, global float *b, int count) {
    int i = get_global_id(0);
    if (i >= count)
        return;
    vec kept = VLOAD(i, a);
    VSTORE(VLOAD(i, b), i, a);
    VSTORE(kept, i, b);
}
