/* common.cl - stands before every other kernel file. OpenCL C 1.2, core features only.
 *
 * Layout everywhere: images are NHWC, so a pixel's channels are neighbours, and a work-item handles VW of them. A
 * "pixel" index runs over n*h*w, a "block" is VW channels. Work-items beyond the range return at once. */

#ifndef VW
#define VW 1 /* channels that a work-item handles: 1, 2, 4, 8 or 16; divides the number of channels */
#endif

#define CONCAT_(a, b) a##b
#define CONCAT(a, b) CONCAT_(a, b)

/* VLOAD and VSTORE: vector i behind p, which must be aligned to whole vectors as every row of channels is: PoCL makes
 * four instructions of a vstore16(). OF_LANES: the vector of a private array, TO_LANES the other way. */
#if VW == 1
typedef float vec;
typedef int ivec;
#define VLOAD(i, p) ((p)[i])
#define VSTORE(v, i, p) ((p)[i] = (v))
#define TO_MASK(condition) ((condition) ? -1 : 0)
#define OF_LANES(lanes) (*(lanes))
#define TO_LANES(v, lanes) (*(lanes) = (v))
#define AS_VEC as_float
#define AS_IVEC as_int
#else
typedef CONCAT(float, VW) vec;
typedef CONCAT(int, VW) ivec;
#define VLOAD(i, p) (((global const vec *)(p))[i])
#define VSTORE(v, i, p) (((global vec *)(p))[i] = (v))
#define TO_MASK(condition) (condition)
#define OF_LANES(lanes) CONCAT(vload, VW)(0, lanes)
#define TO_LANES(v, lanes) CONCAT(vstore, VW)(v, 0, lanes)
#define AS_VEC CONCAT(as_float, VW)
#define AS_IVEC CONCAT(as_int, VW)
#endif

/* VSTREAM: VSTORE of what is gone from a cache before it is read, as most activations and gradients are. A vector as long
 * as a CPU's cache line goes past the cache then, which need not read the line first. */
#define VSTREAM VSTORE
#if VW == 16 && defined(__x86_64__) && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#undef VSTREAM
#define VSTREAM(v, i, p) __builtin_nontemporal_store((v), (global vec *)(p) + (i))
#endif
#endif

/* ALOAD and ASTORE: the same of activations and their gradients, floats, or where HALF is set 16-bit floats, rounded to
 * the nearest when they are stored (to even, where two are); arithmetic is in floats either way. ALOAD1: of one alone. */
#ifndef HALF
#define HALF 0
#endif
#if !HALF
typedef float stored;
#define ALOAD VLOAD
#define ASTORE VSTREAM
#define ALOAD1(i, p) ((p)[i])
#define ASTORE1(v, i, p) ((p)[i] = (v))
#else
typedef half stored; /* a core feature behind a pointer, unlike cl_khr_fp16 */
#define ALOAD1(i, p) vload_half(i, p)
#define ASTORE1(v, i, p) vstore_half_rte(v, i, p)
#if VW == 1
#define ALOAD ALOAD1
#define ASTORE ASTORE1
#else
#define ALOAD CONCAT(vloada_half, VW)
#define ASTORE CONCAT(CONCAT(vstorea_half, VW), _rte)
#endif
#endif

/* Before a loop over a private array of vectors: unrolled, the array lies in registers. */
#define UNROLL _Pragma("unroll")

/* condition ? a : b for each lane; condition is a comparison of two vec. */
#define CHOOSE(condition, a, b) select((vec)(b), (vec)(a), TO_MASK(condition))

/* a * b + c, in one rounding where the device has an instruction for that: the expression leaves the choice to the
 * compiler. PoCL makes two instructions of mad(), and does not define FP_FAST_FMAF. A function, because LLVM uses a CPU's
 * widest registers only where a function takes or returns vectors of that width. */
#pragma OPENCL FP_CONTRACT ON
static inline vec vec_mad(vec a, vec b, vec c) {
    return a * b + c;
}
#define MAD(a, b, c) vec_mad(a, b, c)

/* Batch statistics are taken in two levels: slabs of pixels, then the slabs in their order (bn_finish() in cl/bn.cl).
 * partial[slab][0][c] = pixels of the slab, [1][c] = their mean, [2][c] = the sum of squares about it, so that nothing
 * cancels. SLAB is where one begins; store_slab() writes those of vector `block` of c channels. */
#define SLAB(slab, partial, c) ((partial) + (size_t)(slab) * 3 * (c))
static inline void store_slab(int pixels, vec mean, vec squares, int block, global float *partial, int c) {
    VSTORE((vec)(float)pixels, block, partial);
    VSTORE(mean, block, partial + c);
    VSTORE(squares, block, partial + 2 * c);
}

/* `count` more values join mean and squares of `groups` times as many, by Chan's formula (Chan, Golub and LeVeque
 * 1983). */
static inline void join_values(const vec *values, int count, int groups, vec *mean, vec *squares) {
    vec sum = 0, about = 0;
    UNROLL for (int i = 0; i < count; i++) sum += values[i];
    vec own = sum * (1.0f / count);
    UNROLL for (int i = 0; i < count; i++) {
        vec difference = values[i] - own;
        about = MAD(difference, difference, about);
    }
    float share = 1.0f / (groups + 1);
    vec difference = own - *mean;
    *squares += about + difference * difference * (groups * share * count);
    *mean += difference * share;
}

/* columns[k], lane i = p[i * stride + k]: VW rows of VW words, transposed by log2(VW) perfect shuffles, each of which
 * makes two rows of one of the upper half and one of the lower by taking lanes of both in turn. */
static inline void load_transposed(global const float *p, size_t stride, vec *columns) {
    UNROLL for (int lane = 0; lane < VW; lane++) columns[lane] = VLOAD(0, p + lane * stride);
#if VW > 1
    UNROLL for (int stage = 1; stage < VW; stage *= 2) {
        vec dealt[VW];
        UNROLL for (int i = 0; i < VW / 2; i++) {
            dealt[2 * i].even = columns[i].lo;
            dealt[2 * i].odd = columns[i + VW / 2].lo;
            dealt[2 * i + 1].even = columns[i].hi;
            dealt[2 * i + 1].odd = columns[i + VW / 2].hi;
        }
        UNROLL for (int i = 0; i < VW; i++) columns[i] = dealt[i];
    }
#endif
}

#ifndef SHARERS
#define SHARERS 1 /* work-items, a whole work-group, that add up together: a power of two */
#endif
#if SHARERS > 1
#define SHARED_KERNEL kernel __attribute__((reqd_work_group_size(SHARERS, 1, 1)))
#else
#define SHARED_KERNEL kernel
#endif

/* The sum of what the work-items of a group have, in a fixed order. shared: a vector for each. */
static inline vec group_sum(vec value, local vec *shared) {
#if SHARERS > 1
    int sharer = get_local_id(0);
    shared[sharer] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_way = SHARERS / 2; half_way > 0; half_way /= 2) {
        if (sharer < half_way)
            shared[sharer] += shared[sharer + half_way];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    value = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE); /* before the next sum */
#endif
    return value;
}

/* The next job of a work-group of a kernel whose groups take jobs 0 .. jobs - 1 one after the other, beginning with
 * that of their own number: see dev_jobs(). The counter `taken` is 0 before the kernel and, by the last to ask, after
 * it. */
static inline int next_job(global int *taken, int jobs) {
    int before = atomic_inc(taken);
    if (before == jobs - 1)
        atomic_xchg(taken, 0);
    return get_num_groups(0) + before;
}
#define FOR_EACH_JOB(job, taken, jobs) for (int job = get_group_id(0); job < jobs; job = next_job(taken, jobs))

/* Philox4x32-10; the same numbers as rng_philox() in src/base/rng.c. */
static inline uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(0xD2511F53u, counter.x), low0 = 0xD2511F53u * counter.x;
        uint high1 = mul_hi(0xCD9E8D57u, counter.z), low1 = 0xCD9E8D57u * counter.z;
        counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
    return counter;
}

#if VW >= 4
/* The same for VW / 4 counters at once, which make VW numbers: words[i] holds word i of each. */
#if VW == 4
enum { LANES = 1 };
typedef uint lanes;
#define LANE_NUMBERS 0
#define LANE_STORE(v, p) (*(p) = (v))
#define WIDE(v) ((ulong)(v))
#define NARROW(v) ((uint)(v))
#elif VW == 8
enum { LANES = 2 };
typedef uint2 lanes;
#define LANE_NUMBERS (uint2)(0, 1)
#define LANE_STORE(v, p) vstore2(v, 0, p)
#define WIDE convert_ulong2
#define NARROW convert_uint2
#else
enum { LANES = 4 };
typedef uint4 lanes;
#define LANE_NUMBERS (uint4)(0, 1, 2, 3)
#define LANE_STORE(v, p) vstore4(v, 0, p)
#define WIDE convert_ulong4
#define NARROW convert_uint4
#endif

static inline void philox_lanes(lanes words[4], uint2 key) {
    for (int round = 0; round < 10; round++) {
        lanes high0 = NARROW(WIDE(words[0]) * 0xD2511F53ul >> 32), low0 = words[0] * 0xD2511F53u;
        lanes high1 = NARROW(WIDE(words[2]) * 0xCD9E8D57ul >> 32), low1 = words[2] * 0xCD9E8D57u;
        words[0] = high1 ^ words[1] ^ key.x;
        words[2] = high0 ^ words[3] ^ key.y;
        words[1] = low1;
        words[3] = low0;
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u);
    }
}
#endif
