/* processor.c - what the processor says about itself (CPUID, XCR0), and a product to try it. */
#define _GNU_SOURCE /* syscall, __WALL */
#include "cl/processor.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bits of XCR0: registers that the operating system saves. */
enum { VECTORS = 0xe6 /* SSE, AVX, and the three parts of AVX-512 */, TILES = 3 << 17 };

static bool saves(uint64_t registers) {
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (((uint64_t)high << 32 | low) & registers) == registers;
}

/* A leaf of CPUID: Intel's manual, volume 2, CPUID, table "Structured Extended Feature Flags". */
struct leaf {
    unsigned a, b, c, d;
};

static struct leaf features(unsigned sub_leaf) {
    struct leaf l = {0};
    if (!__get_cpuid_count(7, sub_leaf, &l.a, &l.b, &l.c, &l.d))
        return (struct leaf){0};
    return l;
}

bool processor_has(enum processor_unit unit) {
    enum { AVX512F_B = 1 << 16, AVX512_BF16_A = 1 << 5, AMX_BF16_D = 1 << 22, AMX_TILE_D = 1 << 24 };
    if (unit == PROCESSOR_AMX)
        return (features(0).d & AMX_BF16_D) && (features(0).d & AMX_TILE_D) && saves(TILES);
    return unit == PROCESSOR_ANY || ((features(0).b & AVX512F_B) && (features(1).a & AVX512_BF16_A) && saves(VECTORS));
}

/* --------------------------------------------------------------------------------------------------- the product -- */

enum { SIDE = 16, PAIRS = 16 };

/* Linux lets a process use the tiles when it has asked for them once. */
static bool ask_for_registers(enum processor_unit unit) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return unit != PROCESSOR_AMX || syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

/* sums += a (16 x 16 pairs of bfloat16 numbers) times b (16 pairs x 16 columns). */
static void multiply_tiles(float sums[SIDE][SIDE], uint32_t a[SIDE][PAIRS], uint32_t b[PAIRS][SIDE]) {
    struct {
        uint8_t palette, start_row, zeros[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shapes = {.palette = 1, .row_bytes = {64, 64, 64}, .rows = {16, 16, 16}};
    __asm__ volatile("ldtilecfg %0\n tileloadd (%1,%4,1), %%tmm0\n tileloadd (%2,%4,1), %%tmm1\n"
                     "tileloadd (%3,%4,1), %%tmm2\n tdpbf16ps %%tmm2, %%tmm1, %%tmm0\n"
                     "tilestored %%tmm0, (%1,%4,1)\n tilerelease"
                     :
                     : "m"(shapes), "r"(sums), "r"(a), "r"(b), "r"(64L)
                     : "memory");
}

static void multiply_vectors(float sums[SIDE][SIDE], uint32_t a[SIDE][PAIRS], uint32_t b[PAIRS][SIDE]) {
    for (int i = 0; i < SIDE; i++)
        for (int k = 0; k < PAIRS; k++)
            __asm__ volatile("vmovups (%0), %%zmm0\n vmovups (%1), %%zmm1\n"
                             "vdpbf16ps (%2)%{1to16%}, %%zmm1, %%zmm0\n vmovups %%zmm0, (%0)\n vzeroupper"
                             :
                             : "r"(sums[i]), "r"(b[k]), "r"(&a[i][k])
                             : "memory", "xmm0", "xmm1");
}

/* Integers that are exact as bfloat16 numbers, as are the sums as floats. */
static int element_a(int row, int depth) {
    return (row + 3 * depth) % 7 - 3;
}
static int element_b(int depth, int column) {
    return (2 * depth + column) % 5 - 2;
}

static uint32_t to_bf16(int integer) {
    float number = (float)integer;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits >> 16;
}

static bool multiplies(enum processor_unit unit) {
    uint32_t a[SIDE][PAIRS], b[PAIRS][SIDE];
    float sums[SIDE][SIDE];
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            a[i][j] = to_bf16(element_a(i, 2 * j)) | to_bf16(element_a(i, 2 * j + 1)) << 16;
            b[i][j] = to_bf16(element_b(2 * i, j)) | to_bf16(element_b(2 * i + 1, j)) << 16;
            sums[i][j] = (float)(i - j);
        }
    (unit == PROCESSOR_AMX ? multiply_tiles : multiply_vectors)(sums, a, b);
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++) {
            int expected = i - j;
            for (int k = 0; k < 2 * PAIRS; k++)
                expected += element_a(i, k) * element_b(k, j);
            if (sums[i][j] != (float)expected)
                return false;
        }
    return true;
}

/* In the child: what follows fork() in a process with threads may only call async-signal-safe functions. SIGILL ends
 * the child, whatever handler the program has, and leaves no core file. */
static void try_and_leave(enum processor_unit unit) {
    signal(SIGILL, SIG_DFL);
    prctl(PR_SET_DUMPABLE, 0);
    syscall(SYS_exit_group, multiplies(unit) ? 0 : 1);
}

bool processor_computes(enum processor_unit unit) {
    int status = 1;
    if (unit == PROCESSOR_ANY || !ask_for_registers(unit))
        return unit == PROCESSOR_ANY;
    /* fork(), but the child sends no signal when it ends, and only waiting with __WALL ends it: it does not interfere
     * with children of the calling program. */
    pid_t ended, pid = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0);
    if (pid == 0)
        try_and_leave(unit);
    do
        ended = pid > 0 ? waitpid(pid, &status, __WALL) : -1;
    while (ended < 0 && pid > 0 && errno == EINTR);
    return ended > 0 && status == 0;
}
#else
bool processor_has(enum processor_unit unit) {
    return unit == PROCESSOR_ANY;
}

bool processor_computes(enum processor_unit unit) {
    return unit == PROCESSOR_ANY;
}
#endif
