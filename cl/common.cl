/* common.cl - definitions for all kernel files; the host puts it before each of them. OpenCL C 1.2, core features only.
 *
 * Images are NHWC: the channels of a pixel are neighbours, and a work-item handles VW of them, a "block". A "pixel"
 * index counts over n * h * w. Work-items beyond the range return at once. */

#ifndef VW
#define VW 1 /* channels that a work-item handles: 1, 2, 4, 8 or 16; divides the number of channels */
#endif

#define CONCAT_(a, b) a##b
#define CONCAT(a, b)  CONCAT_(a, b)

/* VLOAD and VSTORE access vector i behind p, which must be aligned to a whole vector, as every row of channels is.
 * (Not vload and vstore: PoCL compiles a vstore16() to four instructions.) OF_LANES makes a vector of a private array,
 * TO_LANES stores a vector to one. */
#if VW == 1
typedef float vec;
typedef int ivec;
typedef uint uvec;
typedef ushort ushorts;
#define VLOAD(i, p)        ((p)[i])
#define VSTORE(v, i, p)    ((p)[i] = (v))
#define TO_MASK(condition) ((condition) ? -1 : 0)
#define OF_LANES(lanes)    (*(lanes))
#define TO_LANES(v, lanes) (*(lanes) = (v))
#define AS_VEC             as_float
#define AS_IVEC            as_int
#define AS_UVEC            as_uint
#define TO_UVEC            convert_uint
#define TO_USHORTS         convert_ushort
#else
typedef CONCAT(float, VW) vec;
typedef CONCAT(int, VW) ivec;
typedef CONCAT(uint, VW) uvec;
typedef CONCAT(ushort, VW) ushorts;
#define VLOAD(i, p)        (((global const vec *)(p))[i])
#define VSTORE(v, i, p)    (((global vec *)(p))[i] = (v))
#define TO_MASK(condition) (condition)
#define OF_LANES(lanes)    CONCAT(vload, VW)(0, lanes)
#define TO_LANES(v, lanes) CONCAT(vstore, VW)(v, 0, lanes)
#define AS_VEC             CONCAT(as_float, VW)
#define AS_IVEC            CONCAT(as_int, VW)
#define AS_UVEC            CONCAT(as_uint, VW)
#define TO_UVEC            CONCAT(convert_uint, VW)
#define TO_USHORTS         CONCAT(convert_ushort, VW)
#endif

/* Tells the compiler that a work-item computes with whole vectors. One that makes SIMD lanes of work-items, as that of
 * Intel's CPU runtime does, leaves the kernel as it is then, instead of spending seconds on code that is no faster. */
#if VW >= 8
#define kernel __kernel __attribute__((vec_type_hint(vec)))
#endif

/* VSTREAM is VSTORE for data that leaves the cache before it is read again, as most activations and gradients do. A
 * vector as long as a CPU's cache line is then stored past the cache, which does not have to read the line first. */
#define VSTREAM VSTORE
#if VW == 16 && defined(__x86_64__) && defined(__has_builtin)
#if __has_builtin(__builtin_nontemporal_store)
#undef VSTREAM
#define VSTREAM(v, i, p) __builtin_nontemporal_store((v), (global vec *)(p) + (i))
#endif
#endif

/* ALOAD and ASTORE access activations and their gradients, which are floats (STORED is 0), 16-bit floats (1) or
 * bfloat16 (2; the upper half of a float), rounded to nearest even when they are stored. Arithmetic is in floats in all
 * cases. ALOAD1 and ASTORE1 access a single element. */
#ifndef STORED
#define STORED 0
#endif
#if STORED == 0
typedef float stored;
#define ALOAD            VLOAD
#define ASTORE           VSTREAM
#define ALOAD1(i, p)     ((p)[i])
#define ASTORE1(v, i, p) ((p)[i] = (v))
#elif STORED == 1
typedef half stored; /* pointers to half are a core feature; cl_khr_fp16 is not needed */
#define ALOAD1(i, p)     vload_half(i, p)
#define ASTORE1(v, i, p) vstore_half_rte(v, i, p)
#if VW == 1
#define ALOAD  ALOAD1
#define ASTORE ASTORE1
#else
#define ALOAD  CONCAT(vloada_half, VW)
#define ASTORE CONCAT(CONCAT(vstorea_half, VW), _rte)
#endif
#else
typedef ushort stored;
static inline vec from_bf16(ushorts x) {
    return AS_VEC(TO_UVEC(x) << 16);
}
/* A NaN, whose fraction could become 0, keeps its upper bits and the first of its fraction. */
static inline ushorts to_bf16(vec x) {
    uvec bits = AS_UVEC(x), upper = bits >> 16;
    return TO_USHORTS(select((bits + 0x7FFF + (upper & 1)) >> 16, upper | 0x40, AS_UVEC(TO_MASK(x != x))));
}
static inline ushort to_bf16_1(float x) {
    uint bits = as_uint(x), upper = bits >> 16;
    return x != x ? upper | 0x40 : (bits + 0x7FFF + (upper & 1)) >> 16;
}
#define ALOAD(i, p)      from_bf16(((global const ushorts *)(p))[i])
#define ASTORE(v, i, p)  (((global ushorts *)(p))[i] = to_bf16(v))
#define ALOAD1(i, p)     as_float((uint)(p)[i] << 16)
#define ASTORE1(v, i, p) ((p)[i] = to_bf16_1(v))
#endif

/* For loops over a private array of vectors: when they are unrolled, the array is kept in registers. */
#define UNROLL _Pragma("unroll")

/* condition ? a : b for each lane; condition is a comparison of two vec. */
#define CHOOSE(condition, a, b) select((vec)(b), (vec)(a), TO_MASK(condition))

/* a * b + c, with one rounding if the device has an instruction for that: the expression leaves the choice to the
 * compiler. PoCL compiles mad() to two instructions and does not define FP_FAST_FMAF. This is a function because LLVM
 * uses a CPU's widest registers only in programs with a function that takes or returns vectors of that width. */
#pragma OPENCL FP_CONTRACT ON
static inline vec vec_mad(vec a, vec b, vec c) {
    return a * b + c;
}
#define MAD(a, b, c) vec_mad(a, b, c)

/* Batch statistics are computed in two levels: for each slab of pixels, then over the slabs in their order (bn_finish()
 * in bn.cl). partial[slab][0][c] = the number of pixels in the slab, [1][c] = their mean, [2][c] = the sum of the
 * squared differences from that mean, so that nothing cancels. SLAB points to a slab's first word; store_slab() writes
 * vector `block` of c channels. */
#define SLAB(slab, partial, c) ((partial) + (size_t)(slab) * 3 * (c))
static inline void store_slab(int pixels, vec mean, vec squares, int block, global float *partial, int c) {
    VSTORE((vec)(float)pixels, block, partial);
    VSTORE(mean, block, partial + c);
    VSTORE(squares, block, partial + 2 * c);
}

/* Adds `count` values to *mean and *squares (the sum of squared differences from the mean) of groups * count earlier
 * values, by the formula of Chan, Golub and LeVeque (1983). */
static inline void join_values(const vec *values, int count, int groups, vec *mean, vec *squares) {
    vec sum = 0, about = 0;
    UNROLL for (int i = 0; i < count; i++)
        sum += values[i];
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

/* Exchanges rows and columns of VW vectors, in place: log2(VW) perfect shuffles. Each shuffle interleaves the lanes of
 * a row of the first half with those of a row of the second half. */
static inline void transpose(vec *rows) {
#if VW > 1
    UNROLL for (int stage = 1; stage < VW; stage *= 2) {
        vec dealt[VW];
        UNROLL for (int i = 0; i < VW / 2; i++) {
            dealt[2 * i].even = rows[i].lo;
            dealt[2 * i].odd = rows[i + VW / 2].lo;
            dealt[2 * i + 1].even = rows[i].hi;
            dealt[2 * i + 1].odd = rows[i + VW / 2].hi;
        }
        UNROLL for (int i = 0; i < VW; i++)
            rows[i] = dealt[i];
    }
#endif
}

/* columns[k], lane i = p[i * stride + k]: VW rows of VW words, transposed. */
static inline void load_transposed(global const float *p, size_t stride, vec *columns) {
    UNROLL for (int lane = 0; lane < VW; lane++)
        columns[lane] = VLOAD(0, p + lane * stride);
    transpose(columns);
}

#ifndef GROUP_ITEMS
#define GROUP_ITEMS 1 /* work-items of a work-group, which compute one sum together: a power of two */
#endif
#if GROUP_ITEMS > 1
#define REDUCTION_KERNEL kernel __attribute__((reqd_work_group_size(GROUP_ITEMS, 1, 1)))
#else
#define REDUCTION_KERNEL kernel
#endif

/* The sum of the values of all work-items of a group, in a fixed order. shared has a vector for each of them. */
static inline vec group_sum(vec value, local vec *shared) {
#if GROUP_ITEMS > 1
    int item = get_local_id(0);
    shared[item] = value;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_way = GROUP_ITEMS / 2; half_way > 0; half_way /= 2) {
        if (item < half_way)
            shared[item] += shared[item + half_way];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    value = shared[0];
    barrier(CLK_LOCAL_MEM_FENCE); /* before the next sum */
#endif
    return value;
}

/* FOR_EACH_JOB: work-groups of one work-item take jobs 0 .. jobs - 1 from the counter `taken`, each starting with the
 * job of its own number; see dev_jobs(). The counter is 0 before the kernel; the last work-group to ask sets it to 0
 * again.
 *
 * get_local_id(0) is 0, but a compiler that does not know this must assume that work-items run the loop a different
 * number of times, so it cannot put a barrier into the loop. PoCL 7.1 puts barriers into loops that all work-items of a
 * group run equally often, and may then run the code between two barriers twice, even for one work-item: next_job() was
 * called twice, and every second job was lost. For the same reason job kernels have no reqd_work_group_size attribute.
 */
static inline int next_job(global int *taken, int jobs) {
    int before = atomic_inc(taken);
    if (before == jobs - 1)
        atomic_xchg(taken, 0);
    return get_num_groups(0) + before;
}
#define FOR_EACH_JOB(job, taken, jobs)                                                                                 \
    for (int job = get_group_id(0); job + (int)get_local_id(0) < jobs; job = next_job(taken, jobs))

/* Philox4x32-10 (Salmon et al. 2011): its two multipliers, and what each round adds to the key. The same numbers as
 * from rng_philox() in src/base/rng.c; the checks of dropout and of images compare the two. */
#define PHILOX_M0       0xD2511F53u
#define PHILOX_M1       0xCD9E8D57u
#define PHILOX_KEY_STEP (uint2)(0x9E3779B9u, 0xBB67AE85u)

static inline uint4 philox(uint4 counter, uint2 key) {
    for (int round = 0; round < 10; round++) {
        uint high0 = mul_hi(PHILOX_M0, counter.x), low0 = PHILOX_M0 * counter.x;
        uint high1 = mul_hi(PHILOX_M1, counter.z), low1 = PHILOX_M1 * counter.z;
        counter = (uint4)(high1 ^ counter.y ^ key.x, low1, high0 ^ counter.w ^ key.y, low0);
        key += PHILOX_KEY_STEP;
    }
    return counter;
}

#if VW >= 4
/* The same for VW / 4 counters at once, for VW numbers: words[i] has word i of each counter. */
#if VW == 4
enum { LANES = 1 };
typedef uint lanes;
#define LANE_NUMBERS     0
#define LANE_STORE(v, p) (*(p) = (v))
#define WIDE(v)          ((ulong)(v))
#define NARROW(v)        ((uint)(v))
#elif VW == 8
enum { LANES = 2 };
typedef uint2 lanes;
#define LANE_NUMBERS     (uint2)(0, 1)
#define LANE_STORE(v, p) vstore2(v, 0, p)
#define WIDE             convert_ulong2
#define NARROW           convert_uint2
#else
enum { LANES = 4 };
typedef uint4 lanes;
#define LANE_NUMBERS     (uint4)(0, 1, 2, 3)
#define LANE_STORE(v, p) vstore4(v, 0, p)
#define WIDE             convert_ulong4
#define NARROW           convert_uint4
#endif

static inline void philox_lanes(lanes words[4], uint2 key) {
    for (int round = 0; round < 10; round++) {
        lanes high0 = NARROW(WIDE(words[0]) * (ulong)PHILOX_M0 >> 32), low0 = words[0] * PHILOX_M0;
        lanes high1 = NARROW(WIDE(words[2]) * (ulong)PHILOX_M1 >> 32), low1 = words[2] * PHILOX_M1;
        words[0] = high1 ^ words[1] ^ key.x;
        words[2] = high0 ^ words[3] ^ key.y;
        words[1] = low1;
        words[3] = low0;
        key += PHILOX_KEY_STEP;
    }
}
#endif
