/* common.cl - stands before every other kernel file. OpenCL C 1.2, core features only.
 *
 * Layout everywhere: images are NHWC, so a pixel's channels are neighbours, and a work-item handles VW of them. A
 * "pixel" index runs over n*h*w, a "block" is VW channels. Work-items beyond the range return at once. */

#ifndef VW
#define VW 1 /* channels that a work-item handles: 1, 2, 4, 8 or 16; divides the number of channels */
#endif

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

#if VW == 1
typedef float vec;
typedef int ivec;
#define VLOAD(i, p) ((p)[i])
#define VSTORE(v, i, p) ((p)[i] = (v))
#define TO_MASK(condition) ((condition) ? -1 : 0)
#else
typedef CONCAT(float, VW) vec;
typedef CONCAT(int, VW) ivec;
#define VLOAD(i, p) CONCAT(vload, VW)(i, p)
#define VSTORE(v, i, p) CONCAT(vstore, VW)(v, i, p)
#define TO_MASK(condition) (condition)
#endif

/* condition ? a : b for each lane; condition is a comparison of two vec. */
#define CHOOSE(condition, a, b) select((vec)(b), (vec)(a), TO_MASK(condition))

/* a * b + c, in one rounding where that is fast. */
#ifdef FP_FAST_FMAF
#define MAD(a, b, c) fma((a), (b), (c))
#else
#define MAD(a, b, c) mad((a), (b), (c))
#endif

/* Philox4x32-10; the same numbers as rng_philox() in src/base/rng.c. */
inline uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
        uint high1 = mul_hi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
        counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}
