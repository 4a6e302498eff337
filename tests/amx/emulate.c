/* emulate.c - a library for LD_PRELOAD that executes the AMX instructions of vggcl's kernels on x86-64 processors
 * without AMX, so that their machine code is tested there. A processor without AMX raises SIGILL; the handler decodes
 * the instruction, does what Intel's manual says (Intel 64 and IA-32 Architectures Software Developer's Manual, volume
 * 2: ldtilecfg, sttilecfg, tilerelease, tilezero, tileloadd, tileloaddt1, tilestored, tdpbf16ps; palette 1) and goes on
 * behind it. Every other SIGILL has the effect that it has without this library. It needs AVX2 and FMA.
 *
 * syscall(SYS_arch_prctl, ARCH_..._XCOMP_...) answers as Linux does on a processor with AMX: until the process asks for
 * permission to use the tiles, instructions that access them raise SIGILL. CPUID cannot be replaced. On a processor
 * with AMX, the processor executes the instructions.
 *
 * VGGCL_AMX_REPORT=FILE   appends "tdpbf16ps NUMBER" to FILE when the process exits, the number of those executed
 * VGGCL_AMX_EXECUTE=no    permission is given, but the instructions raise SIGILL */
#if defined(__x86_64__) && defined(__linux__)
#define _GNU_SOURCE
#include <dlfcn.h>
#include <immintrin.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { TILES = 8, ROWS = 16, ROW = 64 /* bytes */, CONFIGURATION = 64 /* bytes */ };

/* A thread's tiles. Bytes of a tile beyond its rows and columns are 0. */
static _Thread_local struct {
    bool configured;
    uint8_t start_row;
    uint16_t columns[TILES]; /* bytes; 0 with rows 0: the tile is not valid */
    uint8_t rows[TILES];
    _Alignas(64) uint8_t data[TILES][ROWS][ROW];
} tiles __attribute__((tls_model("initial-exec")));

static atomic_bool permitted; /* the process has asked for the tiles */
static atomic_long products;

/* --------------------------------------------------------------------------------------------- the instructions -- */

enum outcome { DONE, UNDEFINED /* #UD */, PROTECTION /* #GP */ };

static bool is_zero(const uint8_t *bytes, size_t count) {
    while (count > 0 && bytes[count - 1] == 0)
        count--;
    return count == 0;
}

static bool is_usable(int tile) {
    return tile < TILES && tiles.configured && tiles.rows[tile] && atomic_load(&permitted);
}

static enum outcome tilerelease(void) {
    memset(&tiles, 0, sizeof tiles);
    return DONE;
}

static enum outcome ldtilecfg(const uint8_t *from) {
    uint8_t c[CONFIGURATION];
    memcpy(c, from, sizeof c);
    if (c[0] == 0)
        return tilerelease();
    if (c[0] > 1 || !is_zero(c + 2, 14) || !is_zero(c + 32, 16) || !is_zero(c + 56, 8))
        return PROTECTION;
    for (int t = 0; t < TILES; t++) {
        int columns = c[16 + 2 * t] | c[17 + 2 * t] << 8, rows = c[48 + t];
        if (columns > ROW || rows > ROWS || !columns != !rows)
            return PROTECTION;
    }
    tilerelease();
    tiles.configured = true;
    tiles.start_row = c[1];
    memcpy(tiles.columns, c + 16, sizeof tiles.columns);
    memcpy(tiles.rows, c + 48, sizeof tiles.rows);
    return DONE;
}

static enum outcome sttilecfg(uint8_t *to) {
    uint8_t c[CONFIGURATION] = {tiles.configured, tiles.start_row};
    memcpy(c + 16, tiles.columns, sizeof tiles.columns);
    memcpy(c + 48, tiles.rows, sizeof tiles.rows);
    memcpy(to, c, sizeof c);
    return DONE;
}

static enum outcome tilezero(int tile) {
    if (!is_usable(tile))
        return UNDEFINED;
    memset(tiles.data[tile], 0, sizeof tiles.data[tile]);
    tiles.start_row = 0;
    return DONE;
}

static enum outcome tileload(int tile, const uint8_t *from, int64_t stride) {
    if (!is_usable(tile) || tiles.start_row >= tiles.rows[tile])
        return UNDEFINED;
    memset(tiles.data[tile][tiles.start_row], 0, sizeof tiles.data[tile] - ROW * (size_t)tiles.start_row);
    for (int row = tiles.start_row; row < tiles.rows[tile]; row++)
        memcpy(tiles.data[tile][row], from + row * stride, tiles.columns[tile]);
    tiles.start_row = 0;
    return DONE;
}

static enum outcome tilestore(int tile, uint8_t *to, int64_t stride) {
    if (!is_usable(tile) || tiles.start_row >= tiles.rows[tile])
        return UNDEFINED;
    for (int row = tiles.start_row; row < tiles.rows[tile]; row++)
        memcpy(to + row * stride, tiles.data[tile][row], tiles.columns[tile]);
    tiles.start_row = 0;
    return DONE;
}

/* One row of a product: sums += the row of pairs a times b, 8 of the 16 columns. The first elements of all pairs are
 * summed up, and the second ones, then both are added to the sums. */
__attribute__((target("avx2,fma"))) static void multiply_row(float *sums, const uint32_t *a, int pairs,
                                                             uint8_t b[ROWS][ROW], int column) {
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    __m256 first = _mm256_setzero_ps(), second = _mm256_setzero_ps();
    for (int k = 0; k < pairs; k++) {
        __m256i a_pair = _mm256_set1_epi32((int)a[k]), b_pair = _mm256_load_si256((const __m256i *)(b[k] + 4 * column));
        first = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_slli_epi32(a_pair, 16)),
                                _mm256_castsi256_ps(_mm256_slli_epi32(b_pair, 16)), first);
        second = _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_and_si256(a_pair, upper)),
                                 _mm256_castsi256_ps(_mm256_and_si256(b_pair, upper)), second);
    }
    _mm256_store_ps(sums + column, _mm256_add_ps(_mm256_load_ps(sums + column), _mm256_add_ps(first, second)));
}

/* Rounds to nearest even, and takes denormal numbers as 0. */
static enum outcome tdpbf16ps(int sum, int a, int b) {
    enum { NEAREST = 0x1f80, FLUSH = 0x8000, DENORMALS_ARE_ZERO = 0x40 };
    if (!is_usable(sum) || !is_usable(a) || !is_usable(b) || sum == a || sum == b || a == b || tiles.columns[sum] % 4 ||
        tiles.columns[a] % 4 || tiles.rows[sum] != tiles.rows[a] || tiles.columns[sum] != tiles.columns[b] ||
        tiles.columns[a] / 4 != tiles.rows[b])
        return UNDEFINED;
    _mm_setcsr(NEAREST | FLUSH | DENORMALS_ARE_ZERO); /* leaving the handler restores the register */
    for (int row = 0; row < tiles.rows[sum]; row++) {
        uint8_t *sums = tiles.data[sum][row];
        for (int column = 0; column < 16; column += 8)
            multiply_row((float *)(void *)sums, (const uint32_t *)(const void *)tiles.data[a][row],
                         tiles.columns[a] / 4, tiles.data[b], column);
        memset(sums + tiles.columns[sum], 0, ROW - (size_t)tiles.columns[sum]);
    }
    tiles.start_row = 0;
    atomic_fetch_add_explicit(&products, 1, memory_order_relaxed);
    return DONE;
}

/* ------------------------------------------------------------------------------------------------- the decoder -- */

/* An instruction with a VEX prefix of three bytes, which has the form of all AMX instructions. */
struct instruction {
    int prefix, opcode, mod, reg, rm, vvvv; /* prefix: 0 none, 1 66h, 2 F3h, 3 F2h; reg, rm: with their VEX bits */
    bool sib;                               /* the operand has a base and an index */
    uint8_t *address;                       /* of the operand in memory, without the index if `sib` */
    int64_t stride;                         /* the scaled index */
    int length;
};

/* A signed number of 0, 1 or 4 bytes. */
static int64_t signed_at(const uint8_t *bytes, int size) {
    int32_t wide = size == 1 ? (int8_t)*bytes : 0;
    if (size == 4)
        memcpy(&wide, bytes, sizeof wide);
    return wide;
}

static int64_t read_register(const greg_t *registers, int number) {
    static const int places[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers[places[number]];
}

/* The operand in memory: [base + index * scale + displacement], or relative to the next instruction. */
static void decode_memory(struct instruction *i, const uint8_t *at, const greg_t *registers, int x, int b) {
    const uint8_t *begin = (const uint8_t *)registers[REG_RIP];
    int base = i->rm, displacement = i->mod == 1 ? 1 : i->mod == 2 ? 4 : 0;
    i->sib = (base & 7) == 4;
    if (i->sib) {
        int index = (*at >> 3 & 7) | x;
        base = (*at & 7) | b;
        i->stride = index == 4 ? 0 : read_register(registers, index) * (1 << (*at >> 6));
        at++;
    }
    bool no_base = i->mod == 0 && (base & 7) == 5;
    if (no_base)
        displacement = 4;
    i->length = (int)(at - begin) + displacement;
    int64_t address = signed_at(at, displacement);
    if (!no_base)
        address += read_register(registers, base);
    else if (!i->sib)
        address += registers[REG_RIP] + i->length;
    i->address = (uint8_t *)address;
}

/* Decodes the instruction at RIP; false if it cannot be one of AMX. Reads no byte behind it. */
static bool decode(struct instruction *i, const greg_t *registers) {
    const uint8_t *code = (const uint8_t *)registers[REG_RIP];
    enum { MAP_0F38 = 2, W = 0x80, L = 4 };
    *i = (struct instruction){0};
    if (code[0] != 0xc4 || (code[1] & 31) != MAP_0F38 || (code[2] & (W | L)))
        return false;
    int r = code[1] & 0x80 ? 0 : 8, x = code[1] & 0x40 ? 0 : 8, b = code[1] & 0x20 ? 0 : 8;
    i->prefix = code[2] & 3;
    i->vvvv = ~code[2] >> 3 & 15;
    i->opcode = code[3];
    if (i->opcode != 0x49 && i->opcode != 0x4b && i->opcode != 0x5c)
        return false;
    i->mod = code[4] >> 6;
    i->reg = (code[4] >> 3 & 7) | r;
    i->rm = (code[4] & 7) | b;
    i->length = 5;
    if (i->mod != 3)
        decode_memory(i, code + 5, registers, x, b);
    return true;
}

static enum outcome execute(const struct instruction *i) {
    enum { NONE, P66, PF3, PF2 };
    bool memory = i->mod != 3, one_operand = i->vvvv == 0;
    if (i->opcode == 0x5c)
        return !memory && i->prefix == PF3 ? tdpbf16ps(i->reg, i->rm, i->vvvv) : UNDEFINED;
    if (!one_operand)
        return UNDEFINED;
    if (i->opcode == 0x4b && memory && i->sib)
        return i->prefix == PF2 || i->prefix == P66 ? tileload(i->reg, i->address, i->stride)
               : i->prefix == PF3                   ? tilestore(i->reg, i->address, i->stride)
                                                    : UNDEFINED;
    if (i->opcode == 0x49 && memory && i->reg == 0)
        return i->prefix == NONE  ? ldtilecfg(i->address + i->stride)
               : i->prefix == P66 ? sttilecfg(i->address + i->stride)
                                  : UNDEFINED;
    if (i->opcode == 0x49 && !memory && i->rm == 0)
        return i->prefix == PF2 ? tilezero(i->reg) : i->prefix == NONE && i->reg == 0 ? tilerelease() : UNDEFINED;
    return UNDEFINED;
}

/* ------------------------------------------------------------------------------------------------------ SIGILL -- */

#define NEXT(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);
static struct sigaction others; /* what the program set for SIGILL */

/* Does what the program set, or kills it: when the handler returns, the instruction is executed again. */
static void pass_on(int number, siginfo_t *info, void *context) {
    if (others.sa_flags & SA_SIGINFO)
        others.sa_sigaction(number, info, context);
    else if (others.sa_handler == SIG_DFL || others.sa_handler == SIG_IGN)
        real_sigaction(SIGILL, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    else
        others.sa_handler(number);
}

/* Executes instructions of AMX until one of another kind follows: leaving a signal handler takes microseconds. */
static void on_sigill(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    struct instruction i;
    enum outcome outcome = UNDEFINED;
    bool progress = false;
    while (decode(&i, registers) && (outcome = execute(&i)) == DONE) {
        registers[REG_RIP] += i.length;
        progress = true;
    }
    if (outcome == PROTECTION)
        raise(SIGSEGV);
    else if (!progress)
        pass_on(number, info, context);
}

int sigaction(int number, const struct sigaction *action, struct sigaction *old) {
    if (!real_sigaction) /* called before this library was initialised */
        real_sigaction = NEXT(sigaction);
    if (number != SIGILL)
        return real_sigaction(number, action, old);
    if (old)
        *old = others;
    if (action)
        others = *action;
    return 0;
}

__sighandler_t signal(int number, __sighandler_t handler) {
    struct sigaction old, action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

/* -------------------------------------------------------------------------------------------------- the kernel -- */

enum { GET_SUPPORTED = 0x1021, GET_PERMITTED = 0x1022, REQUEST = 0x1023, TILE_DATA = 18 };

/* arch_prctl() on a kernel or a processor without AMX, which answered `answer`. */
static long permit(long code, unsigned long argument, long answer) {
    const uint64_t basic = 7 /* x87, SSE, AVX */, tile_bits = 3 << 17;
    uint64_t *bits = (uint64_t *)argument;
    if (code == REQUEST && argument == TILE_DATA)
        atomic_store(&permitted, true);
    else if (code == GET_SUPPORTED || code == GET_PERMITTED)
        *bits = (answer == 0 ? *bits : basic) | (code == GET_SUPPORTED || permitted ? tile_bits : 0);
    else
        return answer;
    return 0;
}

long syscall(long number, ...) {
    static long (*real)(long, ...);
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (!real)
        real = NEXT(syscall);
    long answer = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    return number == SYS_arch_prctl ? permit(a[0], (unsigned long)a[1], answer) : answer;
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction own = {.sa_sigaction = on_sigill, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    const char *execute = getenv("VGGCL_AMX_EXECUTE");
    real_sigaction = NEXT(sigaction);
    if (!execute || strcmp(execute, "no") != 0)
        real_sigaction(SIGILL, &own, &others);
}

__attribute__((destructor)) static void end(void) {
    const char *path = getenv("VGGCL_AMX_REPORT");
    FILE *report = path ? fopen(path, "a") : NULL;
    if (!report)
        return;
    fprintf(report, "tdpbf16ps %ld\n", atomic_load(&products));
    fclose(report);
}
#else
typedef int nothing_to_emulate;
#endif
