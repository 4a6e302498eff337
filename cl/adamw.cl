/* adamw.cl - Adam with decoupled weight decay, as torch.optim.AdamW. */

/* On count blocks, where keep is 1 - lr * weight_decay for the first `decayed` words and 1 for the others:
 *
 *     g = gradient * unscale
 *     m = beta1 * m + rest1 * g                     rest1 is 1 - beta1
 *     v = beta2 * v + rest2 * g * g                 rest2 is 1 - beta2
 *     weight = keep * weight - step_size * m / (sqrt(v) * correction + eps)
 *
 * step_size is lr / (1 - beta1^t) and correction 1 / sqrt(1 - beta2^t) in step t. Nothing changes where *failed is set
 * (see sgd.cl). */
kernel void adamw_step(global const int *failed, global float *weight, global const float *gradient,
                       global float *first, global float *second, int count, int decayed, float keep, float step_size,
                       float beta1, float rest1, float beta2, float rest2, float correction, float eps, float unscale) {
    int i = get_global_id(0);
    if (i >= count || *failed)
        return;
    vec g = VLOAD(i, gradient) * unscale;
    vec m = MAD((vec)beta1, VLOAD(i, first), rest1 * g);
    vec v = MAD((vec)beta2, VLOAD(i, second), rest2 * g * g);
    vec change = m / MAD(sqrt(v), (vec)correction, (vec)eps);
    VSTORE(m, i, first);
    VSTORE(v, i, second);
    VSTORE(MAD((vec)-step_size, change, VLOAD(i, weight) * (i * VW < decayed ? keep : 1.0f)), i, weight);
}
