/* pool.cl - 2x2 max-pooling with stride 2; an odd last row or column is left out, as in PyTorch. */

/* The larger one; a NaN, where there is one, so that it is passed on. */
inline vec larger(vec a, vec b) {
    return CHOOSE((a >= b) | (a != a), a, b);
}

kernel void pool_forward(global const float *x, int n, int h, int w, int c, global float *y) {
    int i = get_global_id(0), blocks = c / VW, half_h = h / 2, half_w = w / 2;
    int block = i % blocks, column = i / blocks % half_w, row = i / (blocks * half_w) % half_h;
    int image = i / (blocks * half_w * half_h);
    if (image >= n)
        return;
    global const float *corner = x + (((size_t)image * h + 2 * row) * w + 2 * column) * c;
    vec best = VLOAD(block, corner);
    for (int tap = 1; tap < 4; tap++)
        best = larger(best, VLOAD(block, corner + (size_t)(tap / 2 * w + tap % 2) * c));
    VSTORE(best, i, y);
}

/* dx = dy at the first largest of the four in reading order, 0 at the others. A work-item is a 2x2 window; those over
 * an odd last row or column have no output and write zeros. */
kernel void pool_backward(global const float *x, global const float *dy, int n, int h, int w, int c,
                          global float *dx) {
    int i = get_global_id(0), blocks = c / VW, windows_h = (h + 1) / 2, windows_w = (w + 1) / 2;
    int block = i % blocks, column = i / blocks % windows_w, row = i / (blocks * windows_w) % windows_h;
    int image = i / (blocks * windows_w * windows_h);
    if (image >= n)
        return;
    size_t corner = (((size_t)image * h + 2 * row) * w + 2 * column) * c;
    int inside = row < h / 2 && column < w / 2;
    vec gradient = 0, best = 0;
    if (inside) {
        gradient = VLOAD(block, dy + (((size_t)image * (h / 2) + row) * (w / 2) + column) * c);
        best = VLOAD(block, x + corner);
        for (int tap = 1; tap < 4; tap++)
            best = larger(best, VLOAD(block, x + corner + (size_t)(tap / 2 * w + tap % 2) * c));
    }
    for (int tap = 0; tap < 4; tap++) {
        if (2 * row + tap / 2 >= h || 2 * column + tap % 2 >= w)
            continue;
        size_t at = corner + (size_t)(tap / 2 * w + tap % 2) * c;
        vec value = VLOAD(block, x + at);
        VSTORE(CHOOSE(value == best, gradient, 0), block, dx + at);
        gradient = CHOOSE(value == best, 0, gradient); /* given away once */
    }
}
