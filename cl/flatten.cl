/* flatten.cl - an image's values in PyTorch's order, channel by channel, out of NHWC: y[image][channel][pixel] =
 * x[image][pixel][channel]. A work-item is one element; with `back` set it goes from y to x. */
kernel void flatten(global const float *from, int n, int plane, int c, int back, global float *to) {
    int i = get_global_id(0);
    if (i >= n * plane * c)
        return;
    int channel = i % c, pixel = i / c % plane, image = i / (c * plane);
    size_t other = ((size_t)image * c + channel) * plane + pixel;
    if (back)
        to[i] = from[other];
    else
        to[other] = from[i];
}
