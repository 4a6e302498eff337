/* storage.cl - converts between stored activations and the floats that matrix products read and write. A work-item has
 * one of `count` blocks; `first` is the number of the first of them among those stored. */

/* to[i] = from[i]. */
kernel void widen(global const stored *from, int first, int count, global float *to) {
    int i = get_global_id(0);
    if (i < count)
        VSTORE(ALOAD(first + i, from), i, to);
}

/* to[pixel][c] = from[pixel][c] + bias[c] (without bias[c] unless has_bias is set). */
kernel void narrow(global const float *from, int first, int count, int c, int has_bias, global const float *bias,
                   global stored *to) {
    int i = get_global_id(0);
    if (i < count)
        ASTORE(VLOAD(i, from) + (has_bias ? VLOAD(i % (c / VW), bias) : (vec)0), first + i, to);
}
