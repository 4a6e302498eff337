/* avgpool.cl - global average pooling: the mean of each channel over an image's pixels. The means are always floats,
 * because matrix products read and write them. */

/* y[image][channel] = the mean over pixels of x[image][pixel][channel]. A work-item has a vector of channels of an
 * image. */
kernel void avgpool_forward(global const stored *x, int n, int plane, int c, global float *y) {
    int i = get_global_id(0), blocks = c / VW;
    if (i >= n * blocks)
        return;
    x += (size_t)(i / blocks) * plane * c;
    vec sum = 0;
    for (int pixel = 0; pixel < plane; pixel++)
        sum += ALOAD(i % blocks, x + (size_t)pixel * c);
    VSTORE(sum / (float)plane, i, y);
}

/* dx[image][pixel][channel] = dy[image][channel] / plane. A work-item has a vector of channels of a pixel. */
kernel void avgpool_backward(global const float *dy, int n, int plane, int c, global stored *dx) {
    int i = get_global_id(0), blocks = c / VW;
    if (i < n * plane * blocks)
        ASTORE(VLOAD(i / (plane * blocks) * blocks + i % blocks, dy) / (float)plane, i, dx);
}
