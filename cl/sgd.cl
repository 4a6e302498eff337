/* sgd.cl - stochastic gradient descent as in PyTorch: with weight decay and momentum, no dampening. */

/* On count blocks, with decay = weight_decay for the first `decayed` words and 0 for the others:
 *
 *     g = gradient * unscale + decay * weight
 *     velocity = momentum * velocity + g
 *     weight -= lr * (nesterov ? g + momentum * velocity : velocity)
 *
 * Nothing changes where *failed is set: steps that were enqueued after one whose loss was not finite leave the weights
 * as they were before it. */
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
