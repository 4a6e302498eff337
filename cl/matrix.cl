/* matrix.cl - matrix products with sums in floats, by a device's matrix instructions or by ordinary ones. Kernels
 * include this file; what differs between devices is here. The numbers that are multiplied have the type of stored
 * activations: bfloat16 (STORED is 2; 16 bits: a float without its lower half), or tf32 (STORED is 0; a float without
 * the lower 13 bits of its fraction, which keeps the size of a float).
 *
 * A tile is 16 x 16 sums: += A (16 rows of 32 numbers, a row's 32 adjacent, rows a_stride numbers apart) times B (32 x
 * 16 numbers, as lines of 16 words: [32 / PACK][16][PACK], a word being PACK numbers of a column). A block, which a
 * work-item holds in registers, is BLOCK_ROWS x BLOCK_COLUMNS tiles; row tile i of A begins 16 * i rows after a, column
 * tile j of B at b + j * TILE_B.
 *
 *     MATRIX_BEGIN
 *     matrix_block sums;
 *     matrix_zero(&sums);
 *     matrix_multiply(&sums, a, a_stride, a_step, b, b_step, steps);
 *     matrix_store(&sums, to, stride);
 *     MATRIX_END
 */

#ifndef MATRIX
#define MATRIX 0
#endif
#define MATRIX_PLAIN  0 /* ordinary instructions of any device; rounds as the others do, within the bound of a sum */
#define MATRIX_AVX512 1 /* AVX512-BF16: vdpbf16ps */
#define MATRIX_AMX    2 /* AMX-BF16: tdpbf16ps */

typedef stored number;
#if STORED == 0
typedef vec numbers;
#define PACK 1 /* numbers in a word of 32 bits */
#else
typedef ushorts numbers;
#define PACK 2
#endif

enum {
    TILE_SIDE = 16,
    TILE_DEPTH = 32,
    TILE_B = TILE_SIDE * TILE_DEPTH,
    TILE_LINES = TILE_DEPTH / PACK,
    LINE_NUMBERS = TILE_SIDE * PACK
};

#if MATRIX == MATRIX_PLAIN || MATRIX == MATRIX_AVX512
/* One tile, a vector register for each row. */
#define BLOCK_ROWS    1
#define BLOCK_COLUMNS 1
#define MATRIX_BEGIN
#define MATRIX_END

typedef struct {
    float16 row[TILE_SIDE];
} matrix_block;

static inline void matrix_zero(matrix_block *sums) {
    UNROLL for (int i = 0; i < TILE_SIDE; i++)
        sums->row[i] = 0;
}

/* sum += the products of a's two numbers with those of b, where each lane has two adjacent numbers. */
#if MATRIX == MATRIX_AVX512
#define ADD_PAIR(sum, a, b) __asm__("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(b), "m"(*(a)))
#else
#define ADD_PAIR(sum, a, b)                                                                                            \
    (sum) = MAD(as_float(*(a) << 16), as_float16((b) << 16),                                                           \
                MAD(as_float(*(a) & 0xFFFF0000u), as_float16((b) & 0xFFFF0000u), sum))
#endif

/* sums += A B for `steps` pairs of tiles, a_step and b_step numbers apart. */
static inline void matrix_multiply(matrix_block *sums, global const number *a, int a_stride, int a_step,
                                   global const number *b, int b_step, int steps) {
    for (int step = 0; step < steps; step++, a += a_step, b += b_step) {
        for (int pair = 0; pair < TILE_DEPTH / 2; pair++) {
            uint16 numbers = ((global const uint16 *)b)[pair];
            UNROLL for (int i = 0; i < TILE_SIDE; i++)
                ADD_PAIR(sums->row[i], (global const uint *)(a + i * a_stride) + pair, numbers);
        }
    }
}

/* The sums as floats in memory, their rows `stride` floats apart; rows begin at multiples of 64 bytes. */
static inline void matrix_load(matrix_block *sums, global const float *from, int stride) {
    UNROLL for (int i = 0; i < TILE_SIDE; i++)
        sums->row[i] = *(global const float16 *)(from + (size_t)i * stride);
}
static inline void matrix_store(const matrix_block *sums, global float *to, int stride) {
    UNROLL for (int i = 0; i < TILE_SIDE; i++)
        *(global float16 *)(to + (size_t)i * stride) = sums->row[i];
}
static inline void matrix_store_private(const matrix_block *sums, float *to, int stride) {
    UNROLL for (int i = 0; i < TILE_SIDE; i++)
        *(float16 *)(to + i * stride) = sums->row[i];
}
#endif

#if MATRIX == MATRIX_AMX
/* 2 x 2 tiles in the registers tmm0 to tmm3, row by row; tmm4 and tmm5 have the tiles of A, tmm6 and tmm7 those of B.
 * The compiler neither uses nor saves these registers, nor do functions that kernels call. */
#define BLOCK_ROWS    2
#define BLOCK_COLUMNS 2
#define MATRIX_BEGIN  __asm__ volatile("ldtilecfg (%0)" ::"r"(tile_shapes) : "memory");
#define MATRIX_END    __asm__ volatile("tilerelease" ::: "memory");

/* Palette 1; of tiles 0 to 7, rows of 64 bytes (from byte 16 on), and 16 rows (from byte 48 on). */
constant uint tile_shapes[16] __attribute__((aligned(64))) = {[0] = 1,    [4] = 0x00400040,  0x00400040, 0x00400040,
                                                              0x00400040, [12] = 0x10101010, 0x10101010};

typedef struct {
    int in_registers;
} matrix_block;

static inline void matrix_zero(matrix_block *sums) {
    __asm__ volatile("tilezero %%tmm0\n tilezero %%tmm1\n tilezero %%tmm2\n tilezero %%tmm3" :::);
}

static inline void matrix_multiply(matrix_block *sums, global const number *a, int a_stride, int a_step,
                                   global const number *b, int b_step, int steps) {
    size_t row_bytes = 2 * a_stride;
    for (int step = 0; step < steps; step++, a += a_step, b += b_step)
        __asm__ volatile("tileloadd (%2,%4), %%tmm6\n"
                         "tileloadd (%0,%3), %%tmm4\n"
                         "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\n"
                         "tileloadd 1024(%2,%4), %%tmm7\n"
                         "tdpbf16ps %%tmm7, %%tmm4, %%tmm1\n"
                         "tileloadd (%1,%3), %%tmm5\n"
                         "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\n"
                         "tdpbf16ps %%tmm7, %%tmm5, %%tmm3" ::"r"(a),
                         "r"(a + TILE_SIDE * a_stride), "r"(b), "r"(row_bytes), "r"((size_t)64)
                         : "memory");
}

static inline void matrix_load(matrix_block *sums, global const float *from, int stride) {
    __asm__ volatile("tileloadd (%0,%2), %%tmm0\n tileloadd 64(%0,%2), %%tmm1\n"
                     "tileloadd (%1,%2), %%tmm2\n tileloadd 64(%1,%2), %%tmm3" ::"r"(from),
                     "r"(from + (size_t)TILE_SIDE * stride), "r"(sizeof(float) * stride)
                     : "memory");
}
#define STORE_TILES(to, stride)                                                                                        \
    __asm__ volatile("tilestored %%tmm0, (%0,%2)\n tilestored %%tmm1, 64(%0,%2)\n"                                     \
                     "tilestored %%tmm2, (%1,%2)\n tilestored %%tmm3, 64(%1,%2)" ::"r"(to),                            \
                     "r"((to) + (size_t)TILE_SIDE * (stride)), "r"(sizeof(float) * (stride))                           \
                     : "memory")
static inline void matrix_store(const matrix_block *sums, global float *to, int stride) {
    STORE_TILES(to, stride);
}
static inline void matrix_store_private(const matrix_block *sums, float *to, int stride) {
    STORE_TILES(to, stride);
}
#endif

/* ---------------------------------------------------------------------------------------- operands and results -- */

#if STORED == 0
/* Rounds to nearest, ties away from zero, as the instruction cvt.rna.tf32.f32 does. A NaN stays a NaN. */
static inline vec to_tf32(vec x) {
    uvec bits = AS_UVEC(x);
    return AS_VEC(select(bits + 0x1000, bits | 0x400000, AS_UVEC(TO_MASK(x != x))) & 0xFFFFE000u);
}

/* The numbers of floats, and of activations as they are stored; a line of B of PACK rows, of which tf32 has only the
 * first. */
#define TO_NUMBERS(x)      to_tf32(x)
#define OF_STORED(x)       to_tf32(x)
#define LINE_OF(low, high) as_uint16(low)
#else
#define TO_NUMBERS(x)      to_bf16(x)
#define OF_STORED(x)       (x)
#define LINE_OF(low, high) pairs_of(low, high)

/* Two vectors of bfloat16 numbers as pairs: low in the lower halves. */
static inline uint16 pairs_of(ushorts low, ushorts high) {
    return convert_uint16(low) | convert_uint16(high) << 16;
}
#endif

/* Rows and columns exchanged. */
static inline void transpose_pairs(uint16 *square) {
    vec lanes[VW];
    UNROLL for (int i = 0; i < VW; i++)
        lanes[i] = as_float16(square[i]);
    transpose(lanes);
    UNROLL for (int i = 0; i < VW; i++)
        square[i] = as_uint16(lanes[i]);
}

/* Puts the 32 numbers of a column of B, or of a row of A, into a tile whose lines are columns or rows: tile[column] has
 * all of them if a word is two, else tile[16 + column] has the second 16. */
static inline void put_column(uint16 *tile, int column, vec first, vec second) {
#if STORED == 0
    tile[column] = as_uint16(to_tf32(first));
    tile[TILE_SIDE + column] = as_uint16(to_tf32(second));
#else
    tile[column] = pairs_of(to_bf16((vec)(first.even, second.even)), to_bf16((vec)(first.odd, second.odd)));
#endif
}

/* From put_column()'s order to the lines of B, and back. */
static inline void transpose_tile(uint16 *tile) {
    UNROLL for (int i = 0; i < TILE_LINES; i += TILE_SIDE)
        transpose_pairs(tile + i);
}

#ifndef PANEL
#define PANEL 2 /* tiles of columns that are stored together: 2 fill a cache line. A multiple of BLOCK_COLUMNS */
#endif

enum { WIDTH = TILE_SIDE * PANEL };

#if STORED != 0
/* to_bf16() of numbers that are to be multiplied: the instruction makes 0 of denormal ones, as products do. */
static inline ushorts matrix_round(vec x) {
#if MATRIX == MATRIX_AVX512
    ushorts rounded;
    __asm__("vcvtneps2bf16 %1, %0" : "=v"(rounded) : "v"(x));
    return rounded;
#else
    return to_bf16(x);
#endif
}

/* Stores the WIDTH outputs of a panel of column tiles, past the cache if they fill a cache line. */
static inline void store_panel(const vec *line, global stored *y) {
#if PANEL == 2
    VSTREAM(as_float16((uint16)(as_uint8(matrix_round(line[0])), as_uint8(matrix_round(line[1])))), 0, y);
#else
    *(global ushorts *)y = matrix_round(line[0]);
#endif
}
#endif
