/* dropout.cl - y = 0 with probability p, else x / (1 - p). The same kernel runs forward (x to y) and backward (dy to
 * dx): the coins are drawn again from (seed, purpose, step, unit), so no mask is stored. A coin is one 32-bit word; it
 * drops where it is below threshold = p * 2^32. Four units share a counter. */

/* 1 / (1 - p) or 0 for unit. */
inline float keep(uint unit, uint2 seed, uint purpose, uint2 step, uint threshold, float scale) {
    uint4 words = philox((uint4)(unit / 4, step.x, step.y, purpose), seed);
    uint lane = unit % 4;
    uint word = lane == 0 ? words.x : lane == 1 ? words.y : lane == 2 ? words.z : words.w;
    return word < threshold ? 0.0f : scale;
}

/* The factors of VW units from first on; VW divides first. */
inline vec keep_block(uint first, uint2 seed, uint purpose, uint2 step, uint threshold, float scale) {
#if VW < 4
    float factor[VW];
    for (int lane = 0; lane < VW; lane++)
        factor[lane] = keep(first + lane, seed, purpose, step, threshold, scale);
#else
    float factor[VW];
    for (int lane = 0; lane < VW; lane += 4) {
        uint4 words = philox((uint4)((first + lane) / 4, step.x, step.y, purpose), seed);
        factor[lane] = words.x < threshold ? 0.0f : scale;
        factor[lane + 1] = words.y < threshold ? 0.0f : scale;
        factor[lane + 2] = words.z < threshold ? 0.0f : scale;
        factor[lane + 3] = words.w < threshold ? 0.0f : scale;
    }
#endif
    return VLOAD(0, factor);
}

/* Unit = (image, channel): a coin drops the whole plane. A work-item is one block of one image, run_pixels pixels long,
 * so that its coins are thrown once for many pixels. plane is h * w, runs the number of runs that cover it. */
kernel void dropout_channel(global const float *x, int n, int plane, int c, int run_pixels, int runs, uint2 seed,
                            uint purpose, uint2 step, uint threshold, float scale, global float *y) {
    int i = get_global_id(0), blocks = c / VW;
    int block = i % blocks, run = i / blocks % runs, image = i / (blocks * runs);
    if (image >= n)
        return;
    vec factor = keep_block((uint)image * c + block * VW, seed, purpose, step, threshold, scale);
    int last = min((run + 1) * run_pixels, plane);
    for (int pixel = run * run_pixels; pixel < last; pixel++) {
        size_t at = (size_t)image * plane + pixel;
        VSTORE(VLOAD(block, x + at * c) * factor, block, y + at * c);
    }
}

/* Unit = element; count blocks in all. */
kernel void dropout_element(global const float *x, int count, uint2 seed, uint purpose, uint2 step, uint threshold,
                            float scale, global float *y) {
    int i = get_global_id(0);
    if (i < count)
        VSTORE(VLOAD(i, x) * keep_block((uint)i * VW, seed, purpose, step, threshold, scale), i, y);
}
