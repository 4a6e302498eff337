/* im2col.cl - 3x3 convolution as a matrix product: the 3x3 neighbourhood of each output pixel becomes a row. */

/* column[pixel][tap][c] = x[pixel moved by (dy, dx)][c], 0 outside the image; tap = 3 * (dy + 1) + (dx + 1). Pixel 0 is
 * number `first` of x, the first of an image. A work-item copies one block of one tap of one pixel. */
kernel void im2col(global const stored *x, int first, int pixels, int h, int w, int c, global float *column) {
    int i = get_global_id(0), blocks = c / VW;
    if (i >= pixels * 9 * blocks)
        return;
    int block = i % blocks, tap = i / blocks % 9, pixel = i / (9 * blocks);
    int dy = tap / 3 - 1, dx = tap % 3 - 1;
    int px = pixel % w + dx, py = pixel / w % h + dy;
    vec value = 0;
    if (px >= 0 && px < w && py >= 0 && py < h)
        value = ALOAD(block, x + ((size_t)first + pixel + dy * w + dx) * c);
    VSTORE(value, i, column);
}

/* The weights of the data gradient: rotated[tap][c][o] = weight[8 - tap][o][c]. A work-item has VW of c by VW of o; VW
 * divides both. */
kernel void rotate_weight(global const float *weight, int c, int o, global float *rotated) {
    int i = get_global_id(0), from = i % (c / VW), block = i / (c / VW) % (o / VW), tap = i / (c / VW) / (o / VW);
    if (tap >= 9)
        return;
    vec square[VW];
    load_transposed(weight + ((size_t)(8 - tap) * o + block * VW) * c + from * VW, c, square);
    for (int k = 0; k < VW; k++)
        VSTORE(square[k], block, rotated + ((size_t)tap * c + from * VW + k) * o);
}
