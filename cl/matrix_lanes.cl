/* matrix_lanes.cl - the blocks of matrix.cl for devices whose work-items are SIMD lanes: SUBGROUP of them hold a block
 * together, each lane LANE_SUMS sums of every tile. A work-group is one sub-group.
 *
 * An instruction multiplies 16 rows by 8 columns, or 8 rows by SUBGROUP columns, over half a step's depth. Which
 * numbers of A and B a lane must have in its registers for that is in a_register() and b_register(). They take the lane
 * as an argument: with EMULATED, ordinary instructions compute what the documentation of the matrix instruction says,
 * from the registers of all lanes. So tests check these functions on devices without such instructions. */

#define MATRIX_NVIDIA 3 /* mma.sync of PTX; 32 lanes. Untried: assembled, but never run on such a device */
#define MATRIX_INTEL  4 /* cl_intel_subgroup_matrix_multiply_accumulate; 8 or 16 lanes. Untried, as MATRIX_NVIDIA */
#define MATRIX_LANES  5 /* emulates the first with 32 lanes, the second with 8 or 16 */

#if SUBGROUP > 1
#define EMULATED      (MATRIX == MATRIX_LANES)
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
    HALF_DEPTH = TILE_DEPTH / 2
};

typedef struct {
    float sums[BLOCK_SUMS];
    int last; /* the last row of A that exists; it is read instead of those beyond it */
} matrix_block;

/* Number k of an even and an odd one, the even one in the lower half. */
static inline float of_pair(uint pair, int k) {
    return as_float(k % 2 ? pair & 0xFFFF0000u : pair << 16);
}

#if SUBGROUP == 32 /* mma.m16n8k16: PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type" */
#define SUM_ROW(lane, i)    ((lane) / 4 + (i) / 2 % 2 * 8)
#define SUM_COLUMN(lane, i) ((lane) % 4 * 2 + (i) % 2 + (i) / 4 * 8)

static inline uint a_register(global const ushort *a, long stride, int last, int lane, int i) {
    return *(global const uint *)(a + min(lane / 4 + i % 2 * 8, last) * stride + lane % 4 * 2 + i / 2 * 8);
}

static inline uint b_register(global const ushort *b, int lane, int i) {
    return ((global const uint *)b)[(lane % 4 + i * 4) * TILE_SIDE + lane / 4];
}

/* Adds the product of half a step for a row of tiles. last: as in matrix_block, counted from the tiles' first row. */
static inline void multiply_half(float *sums, global const ushort *a, long stride, int last, global const ushort *b) {
    uint x[4];
    UNROLL_REGISTERS for (int i = 0; i < 4; i++) x[i] = a_register(a, stride, last, LANE, i);
    UNROLL_REGISTERS for (int j = 0; j < 2 * BLOCK_COLUMNS; j++) {
        global const ushort *columns = b + j / 2 * TILE_B + j % 2 * TILE_SIDE;
        float *c = sums + j * 4;
#if !EMULATED
        __asm__ volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                         "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                         : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                         : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "r"(b_register(columns, LANE, 0)),
                           "r"(b_register(columns, LANE, 1)));
#else
        for (int i = 0; i < 4; i++)
            for (int k = 0; k < HALF_DEPTH; k++) {
                int row = LANE / 4 + i / 2 * 8, column = LANE % 4 * 2 + i % 2; /* of the result, by that manual */
                uint of_a = a_register(a, stride, last, row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2);
                c[i] += of_pair(of_a, k) * of_pair(b_register(columns, column * 4 + k % 8 / 2, k / 8), k);
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

static inline lane_part a_register(global const ushort *a, long stride, int last, int lane, int i) {
    return ((global const lane_part *)(a + min(i, last) * stride))[lane];
}

static inline int b_register(global const ushort *b, int lane, int i) {
    return ((global const int *)b)[i * TILE_SIDE + lane];
}

#define REGISTERS(at) (at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
#define A_REGISTER(i) a_register(rows, stride, last - row, LANE, i)
#define B_REGISTER(i) b_register(columns, LANE, i)

/* As above. */
static inline void multiply_half(float *sums, global const ushort *a, long stride, int last, global const ushort *b) {
    UNROLL_REGISTERS for (int row = 0; row < TILE_SIDE; row += 8) {
        global const ushort *rows = a + row * stride;
#if !EMULATED
        lane_parts x = (lane_parts)REGISTERS(A_REGISTER);
#endif
        UNROLL_REGISTERS for (int column = 0; column < TILE_SIDE * BLOCK_COLUMNS; column += SUBGROUP) {
            global const ushort *columns = b + column / TILE_SIDE * TILE_B + column % TILE_SIDE * 2;
            float *c = sums + column / SUBGROUP * TILE_SIDE + row;
#if !EMULATED
            vstore8(intel_sub_group_bf16_bf16_matrix_mad_k16(x, (int8)REGISTERS(B_REGISTER), vload8(0, c)), 0, c);
#else
            for (int i = 0; i < 8; i++)
                for (int k = 0; k < HALF_DEPTH; k++) {
                    lane_part of_a = a_register(rows, stride, last - row, k * SUBGROUP / HALF_DEPTH, i);
                    float x = SUBGROUP == 16 ? of_pair((ushort)of_a, 0) : of_pair(of_a, k);
                    c[i] += x * of_pair(b_register(columns, LANE, k / 2), k);
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
static inline void matrix_multiply(matrix_block *block, global const ushort *a, int a_stride, int a_step,
                                   global const ushort *b, int b_step, int steps) {
    for (int step = 0; step < steps; step++, a += a_step, b += b_step) UNROLL
        for (int i = 0; i < BLOCK_ROWS; i++) UNROLL
            for (int part = 0; part < 2; part++)
                multiply_half(block->sums + i * ROW_SUMS, a + (long)i * TILE_SIDE * a_stride + part * HALF_DEPTH,
                              a_stride, block->last - i * TILE_SIDE, b + part * TILE_B / 2);
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
