/* relu.cl - the rectifier, y = max(x, 0), on count blocks. A NaN stays one, so that the loss shows it. */

kernel void relu_forward(global const float *x, int count, global float *y) {
    int i = get_global_id(0);
    if (i < count) {
        vec value = VLOAD(i, x);
        VSTORE(CHOOSE(value < 0, 0, value), i, y);
    }
}

/* dx = dy where the output y was positive, else 0. */
kernel void relu_backward(global const float *y, global const float *dy, int count, global float *dx) {
    int i = get_global_id(0);
    if (i < count)
        VSTORE(CHOOSE(VLOAD(i, y) > 0, VLOAD(i, dy), 0), i, dx);
}
