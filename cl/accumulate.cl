/* accumulate.cl - gradient accumulation: the gradients of several micro-batches are added up before a step. */

/* sum = first ? addend : sum + addend, on count blocks. */
kernel void accumulate(global float *sum, global const float *addend, int count, int first) {
    int i = get_global_id(0);
    if (i >= count)
        return;
    vec a = VLOAD(i, addend);
    VSTORE(first ? a : VLOAD(i, sum) + a, i, sum);
}
