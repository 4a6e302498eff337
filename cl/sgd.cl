/* sgd.cl - stochastic gradient descent as in PyTorch: with weight decay and heavy-ball momentum, no dampening. */

/* v = momentum * v + (g / scale + weight_decay * w); w = w - lr * v; on count blocks; unscale is 1 / scale. Where *failed is set nothing moves: the
 * weights stay what they were before the step whose loss was not finite, though steps behind it are enqueued already. */
kernel void sgd_step(global const int *failed, global float *weight, global const float *gradient,
                     global float *velocity, int count, float lr, float momentum, float weight_decay, float unscale) {
    int i = get_global_id(0);
    if (i >= count || *failed)
        return;
    vec w = VLOAD(i, weight);
    vec v = MAD((vec)momentum, VLOAD(i, velocity), MAD((vec)weight_decay, w, VLOAD(i, gradient) * unscale));
    VSTORE(v, i, velocity);
    VSTORE(MAD((vec)-lr, v, w), i, weight);
}
