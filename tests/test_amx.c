/* AMX instructions, compared with Intel's manual: by the emulator for the other tests (amx/emulate.c), or by a
 * processor that has them. */
#define _GNU_SOURCE /* syscall */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "emulated.h"

#if defined(__x86_64__) && defined(__linux__)
#include "base/rng.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GET_PERMITTED = 0x1022, REQUEST = 0x1023, TILE_DATA = 18 };

/* The operand of ldtilecfg. */
struct configuration {
    uint8_t palette, start_row, zeros[14];
    uint16_t columns[16]; /* bytes */
    uint8_t rows[16];
};

static void configure(const struct configuration *c) {
    __asm__ volatile("ldtilecfg %0" ::"m"(*c));
}

static void release(void) {
    __asm__ volatile("tilerelease");
}

/* tmm0: rows x columns floats; tmm1: rows x pairs; tmm2: pairs x columns. */
static struct configuration shaped(int rows, int columns, int pairs) {
    return (struct configuration){.palette = 1,
                                  .columns = {(uint16_t)(4 * columns), (uint16_t)(4 * pairs), (uint16_t)(4 * columns)},
                                  .rows = {(uint8_t)rows, (uint8_t)rows, (uint8_t)pairs}};
}

/* ---------------------------------------------------------------------------------------------------- products -- */

static float flushed(float x) {
    return fabsf(x) < FLT_MIN ? copysignf(0, x) : x;
}

static float of_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return flushed(x);
}

/* The first elements of the pairs and the second ones have sums of their own. */
static float product(const uint32_t *a, const uint32_t *b, int pairs, float sum) {
    float first = 0, second = 0;
    for (int k = 0; k < pairs; k++) {
        first = flushed(fmaf(of_bits(a[k] << 16), of_bits(b[16 * k] << 16), first));
        second = flushed(fmaf(of_bits(a[k] & 0xffff0000), of_bits(b[16 * k] & 0xffff0000), second));
    }
    return flushed(flushed(sum) + flushed(first + second));
}

/* Pairs of bfloat16 numbers; one in 16 is so small that products are denormal numbers, or is one. */
static void fill(uint32_t *pairs, size_t count, struct rng *rng) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = rng_u32(rng), tiny = rng_below(rng, 16);
        pairs[i] = (bits & 0x807f807f) | (tiny == 0 ? 0x00000080 : tiny == 1 ? 0x1f001000 : 0x3f803f00);
    }
}

static void multiply(int rows, int columns, int pairs) {
    struct rng rng = rng_sequence(1, 2, (uint64_t)(rows * 10000 + columns * 100 + pairs));
    struct configuration c = shaped(rows, columns, pairs);
    uint32_t a[16][16], b[16][16];
    float sums[16][16], results[16][16];
    fill(*a, 256, &rng);
    fill(*b, 256, &rng);
    for (int i = 0; i < 256; i++)
        sums[i / 16][i % 16] = results[i / 16][i % 16] = (float)(i - 100) / 7;
    configure(&c);
    __asm__ volatile("tileloadd (%0,%3,1), %%tmm0\n tileloadd (%1,%3,1), %%tmm1\n tileloaddt1 (%2,%3,1), %%tmm2\n"
                     "tdpbf16ps %%tmm2, %%tmm1, %%tmm0\n tilestored %%tmm0, (%0,%3,1)"
                     :
                     : "r"(results), "r"(a), "r"(b), "r"(64L)
                     : "memory");
    release();
    for (int i = 0; i < 16; i++)
        for (int j = 0; j < 16; j++) {
            float expected = i < rows && j < columns ? product(a[i], &b[0][j], pairs, sums[i][j]) : sums[i][j];
            assert_memory_equal(&results[i][j], &expected, sizeof expected);
        }
}

static void products(void **state) {
    (void)state;
    multiply(16, 16, 16);
    multiply(5, 16, 16);
    multiply(16, 3, 16);
    multiply(16, 16, 1);
    multiply(1, 9, 7);
}

/* ------------------------------------------------------------------------------------------------------ operands -- */

static uint8_t memory[4096] __attribute__((aligned(64)));

/* Each row of the tile is the 64 bytes at row * stride. */
static void assert_rows(const uint8_t *from, int stride) {
    uint8_t stored[16][64];
    __asm__ volatile("tilestored %%tmm5, (%0,%1,1)" ::"r"(stored), "r"(64L) : "memory");
    for (int row = 0; row < 16; row++)
        assert_memory_equal(stored[row], from + row * stride, 64);
}

static void addresses(void **state) {
    (void)state;
    static struct configuration full = {.palette = 1};
    for (int i = 0; i < 8; i++) {
        full.columns[i] = 64;
        full.rows[i] = 16;
    }
    for (size_t i = 0; i < sizeof memory; i++)
        memory[i] = (uint8_t)(i * 37 >> 3);
    __asm__ volatile("ldtilecfg %0" ::"m"(full)); /* relative to RIP */
    __asm__ volatile("tileloadd (%0,%1,2), %%tmm5" ::"r"(memory), "r"(32L) : "memory");
    assert_rows(memory, 64);
    __asm__ volatile("tileloadd -128(%0,%1,8), %%tmm5" ::"r"(memory + 256), "r"(16L) : "memory");
    assert_rows(memory + 128, 128);
    __asm__ volatile("tileloadd 1024(%0,%1,1), %%tmm5" ::"r"(memory), "r"(-64L) : "memory");
    assert_rows(memory + 1024, -64);
    __asm__ volatile("movq %0, %%r13\n movq %1, %%r12\n tileloadd (%%r13,%%r12,1), %%tmm5" ::"r"(memory), "r"(128L)
                     : "memory", "r12", "r13");
    assert_rows(memory, 128);
    __asm__ volatile("movq %0, %%r12\n movq %1, %%r13\n tileloadd 64(%%r12,%%r13,1), %%tmm5" ::"r"(memory), "r"(64L)
                     : "memory", "r12", "r13");
    assert_rows(memory + 64, 64);
    __asm__ volatile("tileloadd (%0), %%tmm5" ::"r"(memory) : "memory"); /* no index: stride 0 */
    assert_rows(memory, 0);
    __asm__ volatile("tilezero %%tmm5" ::: "memory");
    assert_rows((uint8_t[64]){0}, 0);
    release();
}

static void configurations(void **state) {
    (void)state;
    struct configuration c = shaped(3, 4, 5), kept = {.palette = 7}, none = {0};
    configure(&c);
    __asm__ volatile("sttilecfg %0" : "=m"(kept));
    assert_memory_equal(&kept, &c, sizeof c);
    release();
    __asm__ volatile("sttilecfg %0" : "=m"(kept));
    assert_memory_equal(&kept, &none, sizeof c);
}

/* -------------------------------------------------------------------------------------------------------- faults -- */

/* The signal that ends a process in which work() runs; 0 for none. */
static int killer(void (*work)(void)) {
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGILL, SIG_DFL); /* CMocka catches them */
        signal(SIGSEGV, SIG_DFL);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void use_unconfigured(void) {
    __asm__ volatile("tilezero %tmm0");
}

static void use_invalid(void) {
    struct configuration c = shaped(16, 16, 16);
    configure(&c);
    __asm__ volatile("tilezero %tmm3");
}

static void multiply_unfitting(void) {
    struct configuration c = shaped(16, 16, 16);
    c.rows[1] = 15;
    configure(&c);
    __asm__ volatile("tdpbf16ps %tmm2, %tmm1, %tmm0");
}

static void configure_too_many_rows(void) {
    struct configuration c = shaped(17, 16, 16);
    configure(&c);
}

static void configure_unknown_palette(void) {
    struct configuration c = shaped(16, 16, 16);
    c.palette = 2;
    configure(&c);
}

static void execute_undefined(void) {
    __asm__ volatile("ud2");
}

static void note_signal(int number) {
    (void)number;
    _exit(0);
}

static void execute_undefined_with_handler(void) {
    signal(SIGILL, note_signal);
    use_invalid();
}

static void faults(void **state) {
    (void)state;
    assert_int_equal(killer(use_unconfigured), SIGILL);
    assert_int_equal(killer(use_invalid), SIGILL);
    assert_int_equal(killer(multiply_unfitting), SIGILL);
    assert_int_equal(killer(configure_too_many_rows), SIGSEGV);
    assert_int_equal(killer(configure_unknown_palette), SIGSEGV);
    assert_int_equal(killer(execute_undefined), SIGILL);
    assert_int_equal(killer(execute_undefined_with_handler), 0);
}

static uint64_t permitted(void) {
    uint64_t bits = 0;
    assert_int_equal(syscall(SYS_arch_prctl, GET_PERMITTED, &bits), 0);
    return bits;
}

static void use_tiles(void) {
    struct configuration c = shaped(16, 16, 16);
    configure(&c);
    __asm__ volatile("tilezero %tmm0");
}

/* The first test: a permission cannot be given back. */
static void permission(void **state) {
    (void)state;
    assert_false(permitted() >> TILE_DATA & 1);
    assert_int_equal(killer(use_tiles), SIGILL);
    assert_int_equal(syscall(SYS_arch_prctl, REQUEST, TILE_DATA), 0);
    assert_true(permitted() >> TILE_DATA & 1);
    assert_int_equal(killer(use_tiles), 0);
    assert_int_equal(syscall(SYS_arch_prctl, REQUEST, 63), -1);
}

int main(int argc, char **argv) {
    (void)argc;
    emulate_amx(argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(permission), cmocka_unit_test(products),
                                       cmocka_unit_test(addresses), cmocka_unit_test(configurations),
                                       cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(int argc, char **argv) {
    (void)argc;
    emulate_amx(argv);
    return 1;
}
#endif
