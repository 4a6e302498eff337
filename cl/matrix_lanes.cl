/* matrix_lanes.cl - the blocks of matrix.cl for devices whose work-items are SIMD lanes: SUBGROUP of them hold a block
 * together, each lane LANE_SUMS sums of every tile. A work-group is one sub-group.
 *
 * An instruction multiplies 16 rows by 8 columns, or 8 rows by SUBGROUP columns, over 8 words of a row of A. Which
 * numbers of A and B a lane must have in its registers for that is in a_register() and b_register(). They take the lane
 * as an argument: with EMULATED, ordinary instructions compute what the documentation of the matrix instruction says,
 * from the registers of all lanes. So tests check these functions on devices without such instructions. */

#define MATRIX_NVIDIA      3 /* mma.sync of PTX; 32 lanes. Untried: assembled, but never run on such a device */
#define MATRIX_INTEL       4 /* cl_intel_subgroup_matrix_multiply_accumulate; 8 or 16 lanes. Untried, as MATRIX_NVIDIA */
#define MATRIX_LANES       5 /* emulates the first with 32 lanes, the second with 8 or 16 */
#define MATRIX_NVIDIA_TF32 6 /* as MATRIX_NVIDIA, with STORED 0 */
#define MATRIX_LANES_TF32  7 /* emulates that */

#if SUBGROUP > 1
#define EMULATED      (MATRIX == MATRIX_LANES || MATRIX == MATRIX_LANES_TF32)
#define BLOCK_ROWS    (SUBGROUP == 8 ? 1 : 2) /* 2 x 2 tiles would be all registers of 8 lanes */
#define BLOCK_COLUMNS 2
#define MATRIX_BEGIN
#define MATRIX_END
#define MATRIX_JOBS(job, taken, jobs) for (int job = get_group_id(0); job < jobs; job += get_num_groups(0))

/* A kernel that calls these functions, and the number of a work-item in its sub-group. */
#if MATRIX == MATRIX_INTEL && !EMULATED
#define MATRIX_KERNEL                                                                                                  \
    __kernel __attribute__((intel_reqd_sub_group_size(SUBGROUP))) __attribute__((reqd_work_group_size(SUBGROUP, 1, 1)))
#define LANE ((int)get_sub_group_local_id())
#else
#define MATRIX_KERNEL __kernel __attribute__((reqd_work_group_size(SUBGROUP, 1, 1)))
#define LANE          ((int)get_local_id(0))
#endif

/* Registers are arrays whose loops are unrolled, except in the emulation. */
#if EMULATED
#define UNROLL_REGISTERS
#else
#define UNROLL_REGISTERS UNROLL
#endif

/* A lane's sums in a tile, in a row of tiles, and in the block. */
enum {
    LANE_SUMS = TILE_SIDE * TILE_SIDE / SUBGROUP,
    ROW_SUMS = BLOCK_COLUMNS * LANE_SUMS,
    BLOCK_SUMS = BLOCK_ROWS * ROW_SUMS,
    PART_WORDS = 8,                /* depth of an instruction in words of A's rows, and in lines of B, */
    PART_DEPTH = PART_WORDS * PACK /* and in numbers */
};

typedef struct {
    float sums[BLOCK_SUMS];
    int last; /* the last row of A that exists; it is read instead of those beyond it */
} matrix_block;

#if STORED == 0
#define INSTRUCTION "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "

static inline float number_of_word(uint word, int k) {
    return as_float(word);
}

/* A is not rounded where it is: activations are stored as floats. */
static inline uint word_of_a(global const number *at) {
#if EMULATED
    uint bits = as_uint(*at);
    return (*at != *at ? bits | 0x400000 : bits + 0x1000) & 0xFFFFE000u;
#else
    uint word;
    __asm__("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(*at));
    return word;
#endif
}
#else
#define INSTRUCTION "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "

/* Number k of an even and an odd one, the even one in the lower half. */
static inline float number_of_word(uint pair, int k) {
    return as_float(k % 2 ? pair & 0xFFFF0000u : pair << 16);
}

static inline uint word_of_a(global const number *at) {
    return *(global const uint *)at;
}
#endif

#if SUBGROUP == 32 /* PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type" and "for mma.m16n8k8" */
#define SUM_ROW(lane, i)    ((lane) / 4 + (i) / 2 % 2 * 8)
#define SUM_COLUMN(lane, i) ((lane) % 4 * 2 + (i) % 2 + (i) / 4 * 8)

static inline uint a_register(global const number *a, long stride, int last, int lane, int i) {
    return word_of_a(a + min(lane / 4 + i % 2 * 8, last) * stride + (lane % 4 + i / 2 * 4) * PACK);
}

static inline uint b_register(global const number *b, int lane, int i) {
    return ((global const uint *)b)[(lane % 4 + i * 4) * TILE_SIDE + lane / 4];
}

/* Adds the product of a part of a step for a row of tiles. last: as in matrix_block, counted from their first row. */
static inline void multiply_part(float *sums, global const number *a, long stride, int last, global const number *b) {
    uint x[4];
    UNROLL_REGISTERS for (int i = 0; i < 4; i++) x[i] = a_register(a, stride, last, LANE, i);
    UNROLL_REGISTERS for (int j = 0; j < 2 * BLOCK_COLUMNS; j++) {
        global const number *columns = b + j / 2 * TILE_B + j % 2 * (LINE_NUMBERS / 2);
        float *c = sums + j * 4;
#if !EMULATED
        __asm__ volatile(INSTRUCTION "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                         : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                         : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(b_register(columns, LANE, 0)),
                           "r"(b_register(columns, LANE, 1)));
#else
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < PART_DEPTH; k++) {
                int row = LANE / 4 + i / 2 * 8, column = LANE % 4 * 2 + i % 2; /* of the result, by that manual */
                int lane = k / PACK % 4, upper = k / PACK / 4;                 /* of the four that have its numbers */
                uint of_a = a_register(a, stride, last, row % 8 * 4 + lane, row / 8 + upper * 2);
                uint of_b = b_register(columns, column * 4 + lane, upper);
                c[i] += number_of_word(of_a, k) * number_of_word(of_b, k);
            }
#endif
    }
}

#else /* intel_sub_group_bf16_bf16_matrix_mad_k16 */
#define SUM_ROW(lane, i)    ((i) % TILE_SIDE)
#define SUM_COLUMN(lane, i) ((lane) + (i) / TILE_SIDE * SUBGROUP)
#if SUBGROUP == 16
typedef short lane_part; /* of a row of A: one number */
typedef short8 lane_parts;
#else
typedef int lane_part; /* two numbers */
typedef int8 lane_parts;
#endif

static inline lane_part a_register(global const number *a, long stride, int last, int lane, int i) {
    return ((global const lane_part *)(a + min(i, last) * stride))[lane];
}

static inline int b_register(global const number *b, int lane, int i) {
    return ((global const int *)b)[i * TILE_SIDE + lane];
}

#define REGISTERS(at) (at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
#define A_REGISTER(i) a_register(rows, stride, last - row, LANE, i)
#define B_REGISTER(i) b_register(columns, LANE, i)

/* As above. */
static inline void multiply_part(float *sums, global const number *a, long stride, int last, global const number *b) {
    UNROLL_REGISTERS for (int row = 0; row < TILE_SIDE; row += 8) {
        global const number *rows = a + row * stride;
#if !EMULATED
        lane_parts x = (lane_parts)REGISTERS(A_REGISTER);
#endif
        UNROLL_REGISTERS for (int column = 0; column < TILE_SIDE * BLOCK_COLUMNS; column += SUBGROUP) {
            global const number *columns = b + column / TILE_SIDE * TILE_B + column % TILE_SIDE * 2;
            float *c = sums + column / SUBGROUP * TILE_SIDE + row;
#if !EMULATED
            vstore8(intel_sub_group_bf16_bf16_matrix_mad_k16(x, (int8)REGISTERS(B_REGISTER), vload8(0, c)), 0, c);
#else
            for (int i = 0; i < 8; i++)
                for (int k = 0; k < PART_DEPTH; k++) {
                    lane_part of_a = a_register(rows, stride, last - row, k * SUBGROUP / PART_DEPTH, i);
                    float x = SUBGROUP == 16 ? number_of_word((ushort)of_a, 0) : number_of_word(of_a, k);
                    c[i] += x * number_of_word(b_register(columns, LANE, k / 2), k);
                }
#endif
        }
    }
}
#endif

static inline void matrix_zero(matrix_block *block) {
    UNROLL_REGISTERS for (int i = 0; i < BLOCK_SUMS; i++) block->sums[i] = 0;
    block->last = BLOCK_ROWS * TILE_SIDE - 1;
}

/* As in matrix.cl. */
static inline void matrix_multiply(matrix_block *block, global const number *a, int a_stride, int a_step,
                                   global const number *b, int b_step, int steps) {
    for (int step = 0; step < steps; step++, a += a_step, b += b_step) UNROLL
        for (int i = 0; i < BLOCK_ROWS; i++) UNROLL
            for (int part = 0; part < TILE_DEPTH / PART_DEPTH; part++)
                multiply_part(block->sums + i * ROW_SUMS, a + (long)i * TILE_SIDE * a_stride + part * PART_DEPTH,
                              a_stride, block->last - i * TILE_SIDE, b + part * PART_WORDS * LINE_NUMBERS);
}

/* Where sum i of a lane is in the block. */
static inline int row_of_sum(int i) {
    return i / ROW_SUMS * TILE_SIDE + SUM_ROW(LANE, i % LANE_SUMS);
}
static inline int column_of_sum(int i) {
    return i / LANE_SUMS % BLOCK_COLUMNS * TILE_SIDE + SUM_COLUMN(LANE, i % LANE_SUMS);
}

/* As in matrix.cl. */
static inline void matrix_load(matrix_block *block, global const float *from, int stride) {
    matrix_zero(block);
    UNROLL_REGISTERS for (int i = 0; i < BLOCK_SUMS; i++) block->sums[i] =
        from[(size_t)row_of_sum(i) * stride + column_of_sum(i)];
}
static inline void matrix_store(const matrix_block *block, global float *to, int stride) {
    UNROLL_REGISTERS for (int i = 0; i < BLOCK_SUMS; i++) to[(size_t)row_of_sum(i) * stride + column_of_sum(i)] =
        block->sums[i];
}
#else
#define MATRIX_KERNEL kernel
#define MATRIX_JOBS   FOR_EACH_JOB
#endif
