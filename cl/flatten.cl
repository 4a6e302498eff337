/* flatten.cl - from NHWC to PyTorch's order, channel by channel. The flattened values are always floats, because matrix
 * products read and write them. A work-item has one element of x or dx. */

/* The index in [image][channel][pixel] of element i of [image][pixel][channel]. */
static inline size_t flat_place(int i, int plane, int c) {
    int channel = i % c, pixel = i / c % plane, image = i / (c * plane);
    return ((size_t)image * c + channel) * plane + pixel;
}

/* y[image][channel][pixel] = x[image][pixel][channel]. */
kernel void flatten_forward(global const stored *x, int n, int plane, int c, global float *y) {
    int i = get_global_id(0);
    if (i < n * plane * c)
        y[flat_place(i, plane, c)] = ALOAD1(i, x);
}

/* dx[image][pixel][channel] = dy[image][channel][pixel]. */
kernel void flatten_backward(global const float *dy, int n, int plane, int c, global stored *dx) {
    int i = get_global_id(0);
    if (i < n * plane * c)
        ASTORE1(dy[flat_place(i, plane, c)], i, dx);
}
