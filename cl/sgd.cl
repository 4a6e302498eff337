/* sgd.cl - stochastic gradient descent as in PyTorch: with weight decay and momentum, no dampening. */

/* g' = g / scale + decay * w, where decay is weight_decay on the first `decayed` words and 0 behind; v = momentum * v + g';
 * w = w - lr * (nesterov ? g' + momentum * v : v); on count blocks; unscale is 1 / scale. Where *failed is set nothing
 * moves: the weights stay what they were before the step whose loss was not finite, though steps behind it are enqueued
 * already. */
kernel void sgd_step(global const int *failed, global float *weight, global const float *gradient,
                     global float *velocity, int count, int decayed, float lr, float momentum, float weight_decay,
                     int nesterov, float unscale) {
    int i = get_global_id(0);
    if (i >= count || *failed)
        return;
    vec w = VLOAD(i, weight);
    vec g = MAD((vec)(i * VW < decayed ? weight_decay : 0.0f), w, VLOAD(i, gradient) * unscale);
    vec v = MAD((vec)momentum, VLOAD(i, velocity), g);
    VSTORE(v, i, velocity);
    VSTORE(MAD((vec)-lr, nesterov ? MAD((vec)momentum, v, g) : v, w), i, weight);
}
