#include "common.h"

#include "cl/arena.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Guard words behind the data: as many as the work-items of a last work-group write beyond the range when they forget
 * to check it. Before the data lie as many as the device's alignment wants. */
enum { GUARD_WORDS = WORK_GROUP * 16 };

struct dev *device;

/* What a test made: a host array, or a tensor with its guards, which are one block of an arena. */
struct made {
    struct made *next;
    void *host;
    struct arena arena;
    struct tensor before, data, after;
};
static struct made *all;
static struct rng sequence;

static void restart(void) {
    sequence = rng_sequence(1, RNG_SYNTH, 0);
}

int open_device(void **state) {
    (void)state;
    restart();
    if (dev_open(NULL, NULL, &device) == VGGCL_OK)
        return 0;
    print_error("%s\n", vggcl_error());
    return -1;
}

int close_device(void **state) {
    (void)state;
    dev_close(device);
    device = NULL;
    return 0;
}

void check_at(enum vggcl_err err, const char *call, const char *file, int line) {
    if (err == VGGCL_OK)
        return;
    print_error("%s: error %d: %s\n", call, err, vggcl_error());
    _fail(file, line);
}

void check_fails_at(enum vggcl_err err, enum vggcl_err expected, const char *const *parts, const char *file, int line) {
    bool good = err == expected;
    if (!good)
        print_error("answered %d, not %d\n", err, expected);
    for (; *parts; parts++) {
        if (!strstr(vggcl_error(), *parts)) {
            print_error("the error's text lacks: %s\n", *parts);
            good = false;
        }
    }
    if (good)
        return;
    print_error("the text is: %s\n", vggcl_error());
    _fail(file, line);
}

/* ------------------------------------------------------------------------------------------------- host arrays -- */

static struct made *make(void) {
    struct made *m = calloc(1, sizeof *m);
    if (!m)
        fail_msg("no memory for %zu bytes", sizeof *m);
    m->next = all;
    return all = m;
}

void *zeros(size_t bytes) {
    struct made *m = make();
    m->host = calloc(bytes ? bytes : 1, 1);
    if (!m->host)
        fail_msg("no memory for %zu bytes", bytes);
    return m->host;
}

float *random_floats(size_t count, double low, double high) {
    float *x = zeros(count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(low + (high - low) * rng_uniform(&sequence));
    return x;
}

float *random_normal(size_t count, double mean, double deviation) {
    float *x = zeros(count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(mean + deviation * rng_normal(&sequence));
    return x;
}

const char *text(const char *format, ...) {
    enum { SIZE = 256 };
    char *made = zeros(SIZE);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(made, SIZE, format, arguments);
    va_end(arguments);
    return made;
}

/* ----------------------------------------------------------------------------------------------- device memory -- */

/* The whole block of a tensor, guards and all. */
static uint32_t *read_block(const struct made *m, size_t *words) {
    struct tensor block = arena_block_tensor(&m->arena, 0);
    uint32_t *host = malloc(4 * block.count);
    if (!host)
        fail_msg("no memory for %zu bytes", 4 * block.count);
    CHECK(dev_read(device, block, 0, block.count, host));
    *words = block.count;
    return host;
}

struct tensor poisoned(size_t count) {
    struct made *m = make();
    CHECK(arena_reserve(&m->arena, "guard words", device->alignment / 4, &m->before));
    CHECK(arena_reserve(&m->arena, "data", count, &m->data));
    CHECK(arena_reserve(&m->arena, "guard words", GUARD_WORDS, &m->after));
    CHECK(arena_commit(&m->arena, device));
    assert_int_equal(m->arena.block_count, 1);
    struct tensor block = arena_block_tensor(&m->arena, 0);
    uint32_t *poison = malloc(4 * block.count);
    assert_non_null(poison);
    for (size_t i = 0; i < block.count; i++)
        poison[i] = POISON;
    CHECK(dev_write(device, block, 0, block.count, poison));
    free(poison);
    return m->data;
}

struct tensor upload(size_t count, const void *host) {
    struct tensor t = poisoned(count);
    if (count)
        CHECK(dev_write(device, t, 0, count, host));
    return t;
}

struct tensor upload_bytes(size_t bytes, const void *host) {
    size_t words = (bytes + 3) / 4;
    return upload(words, memcpy(zeros(4 * words), host, bytes));
}

void *download(struct tensor t) {
    void *host = zeros(4 * t.count);
    CHECK(dev_read(device, t, 0, t.count, host));
    return host;
}

/* How many guard words of m have been written to. */
static size_t broken_guards(const struct made *m) {
    size_t words, broken = 0, first = device->alignment / 4;
    uint32_t *block = read_block(m, &words);
    for (size_t i = 0; i < words; i++) {
        bool inside = i >= first && i < first + m->data.count;
        if (inside || block[i] == POISON)
            continue;
        if (!broken++)
            print_error("a kernel wrote 0x%08x at word %ld of a tensor of %zu words\n", block[i], (long)i - (long)first,
                        m->data.count);
    }
    free(block);
    return broken;
}

int release(void **state) {
    (void)state;
    size_t broken = 0;
    while (all) {
        struct made *m = all;
        all = m->next;
        if (m->arena.block_count) {
            broken += broken_guards(m);
            arena_free(&m->arena);
        }
        free(m->host);
        free(m);
    }
    restart();
    return broken ? -1 : 0;
}

/* -------------------------------------------------------------------------------------------------- comparison -- */

struct exact exact_zeros(size_t count) {
    return (struct exact){count, zeros(count * sizeof(double)), zeros(count * sizeof(double))};
}

struct exact exact_copy(size_t count, const float *host) {
    struct exact e = exact_zeros(count);
    for (size_t i = 0; i < count; i++)
        e.value[i] = host[i];
    return e;
}

/* The error as a multiple of what is allowed. */
static double excess(float actual, double expected, double allowed) {
    if (isnan(expected) || isnan(actual))
        return isnan(expected) && isnan(actual) ? 0 : INFINITY;
    if (isinf(expected) || isinf(actual))
        return expected == actual ? 0 : INFINITY;
    return fabs(actual - expected) / (allowed + FLT_MIN);
}

void compare_at(const char *what, struct tensor actual, struct exact expected, double roundings, const char *file,
                int line) {
    if (actual.count != expected.count) {
        print_error("%s: %zu words, expected %zu\n", what, actual.count, expected.count);
        _fail(file, line);
    }
    const float *host = download(actual);
    size_t wrong = 0, first = 0, worst = 0;
    double largest = 0;
    for (size_t i = 0; i < expected.count; i++) {
        double x = excess(host[i], expected.value[i], roundings * FLT_EPSILON * expected.magnitude[i]);
        if (x > 1 && !wrong++)
            first = i;
        if (x > largest) {
            largest = x;
            worst = i;
        }
    }
    if (!wrong)
        return;
    print_error("%s: %zu of %zu words wrong\n", what, wrong, expected.count);
    for (int k = 0; k < 2; k++) {
        size_t i = k ? worst : first;
        print_error("  %s [%zu]: %.9g, expected %.9g +- %.3g; relative to its terms' magnitudes %.3g\n",
                    k ? "worst" : "first", i, host[i], expected.value[i],
                    roundings * FLT_EPSILON * expected.magnitude[i],
                    fabs(host[i] - expected.value[i]) / expected.magnitude[i]);
    }
    _fail(file, line);
}
