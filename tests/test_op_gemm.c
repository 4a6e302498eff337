/* Both engines behind the one door of matrix products, on views that are wider than their matrices. */
#include "common.h"

#include "ops/gemm.h"

#include <string.h>

struct product {
    size_t m, n, k, batch;
};

/* A view of rows x columns (of what is multiplied) that begins somewhere, with gaps between rows and matrices. */
static struct matrix view(size_t rows, size_t columns, bool transposed) {
    size_t stored_rows = transposed ? columns : rows, stride = (transposed ? rows : columns) + 3;
    return (struct matrix){{NULL, 0}, 5, stride, stored_rows * stride + 7, transposed};
}

/* The same without gaps, as most callers have it. */
static struct matrix dense(size_t rows, size_t columns, bool transposed) {
    return (struct matrix){{NULL, 0}, 0, transposed ? rows : columns, rows * columns, transposed};
}

/* Word i of c afterwards: an element, or what is not to be touched between rows and matrices. */
static struct sum expected(struct product p, struct matrix a, const float *a_host, struct matrix b, const float *b_host,
                           enum gemm_add add, struct matrix c, const float *old, size_t i) {
    size_t in_batch = i - c.offset, number = in_batch / c.step, row = in_batch % c.step / c.stride,
           column = in_batch % c.step % c.stride;
    if (i < c.offset || number >= p.batch || row >= p.m || column >= p.n)
        return sum_exactly(old[i]);
    return sum_plus(reference_gemm(p.k, a, a_host, b, b_host, number, row, column), add ? old[i] : 0);
}

static void multiply(const char *engine, struct product p, struct matrix a, struct matrix b, enum gemm_add add,
                     struct matrix c) {
    size_t a_count = a.offset + p.batch * a.step, b_count = b.offset + p.batch * b.step;
    size_t c_count = c.offset + p.batch * c.step;
    float *a_host = random_floats(a_count, -1, 1), *b_host = random_floats(b_count, -1, 1);
    float *c_host = random_floats(c_count, -1, 1);
    if (!add) /* the old values are not to be read: a NaN would stay one */
        for (size_t i = 0; i < c_count; i++)
            memcpy(c_host + i, &(uint32_t){POISON}, 4);
    a.data = upload(a_count, a_host);
    b.data = upload(b_count, b_host);
    c.data = upload(c_count, c_host);
    CHECK(gemm_use(device, engine));
    CHECK(gemm(device, p.m, p.n, p.k, a, b, add, c, p.batch));
    const char *what = text("%s %zux%zux%zu %c%c %s batch %zu", engine, p.m, p.n, p.k, a.transposed ? 'T' : 'N',
                            b.transposed ? 'T' : 'N', add ? "add" : "set", p.batch);
    COMPARE(what, c.data, p.k + 1, i, expected(p, a, a_host, b, b_host, add, c, c_host, i));
}

/* N and T of both operands; set and add, dense and with gaps take turns, the other way round for odd `turn`. */
static void all_transposes(const char *engine, struct product p, int turn) {
    for (int i = 0; i < 4; i++) {
        bool a = i / 2, b = i % 2, add = (i + turn) % 2, gaps = (i / 2 + turn) % 2 == 0;
        struct matrix (*make)(size_t, size_t, bool) = gaps ? view : dense;
        multiply(engine, p, make(p.m, p.k, a), make(p.k, p.n, b), add, make(p.m, p.n, false));
    }
}

static void tiled(void **state) {
    (void)state;
    static const struct product products[] = {
        {1, 1, 1, 1},    {3, 7, 13, 3},   {65, 127, 33, 1}, {7, 10, 512, 1},
        {70, 16, 9, 36}, {127, 48, 1, 1}, {129, 64, 65, 3},
    };
    size_t count = interpreted() ? 2 : sizeof products / sizeof *products;
    for (size_t i = 0; i < count; i++)
        all_transposes("tiled", products[i], (int)i);
}

/* Few shapes: CLBlast's kernels take seconds to compile. Under Oclgrind they take minutes, and are not ours. */
static void clblast(void **state) {
    (void)state;
    if (interpreted())
        skip();
    all_transposes("clblast", (struct product){3, 7, 13, 1}, 0);
    all_transposes("clblast", (struct product){130, 32, 65, 1}, 1);
}

static void clblast_batched(void **state) {
    (void)state;
    if (interpreted())
        skip();
    all_transposes("clblast", (struct product){65, 127, 33, 3}, 0);
    all_transposes("clblast", (struct product){1, 10, 7, 16}, 1);
}

/* Beyond what is written to, nothing is read: where an operand's last row ends, its tensor may end too. */
static void ends_with_its_tensor(void **state) {
    (void)state;
    const struct product p = {9, 16, 5, 1};
    multiply("tiled", p, dense(9, 5, false), dense(5, 16, false), GEMM_SET, dense(9, 16, false));
    if (!interpreted())
        multiply("clblast", p, dense(9, 5, false), dense(5, 16, false), GEMM_SET, dense(9, 16, false));
}

static void nothing_to_do(void **state) {
    (void)state;
    struct tensor t = poisoned(16);
    CHECK(gemm_use(device, "tiled"));
    CHECK(gemm(device, 0, 16, 1, MATRIX(t, 1), MATRIX(t, 16), GEMM_SET, MATRIX(t, 16), 1));
    const uint32_t *words = download(t);
    for (int i = 0; i < 16; i++)
        assert_int_equal(words[i], POISON);
}

static void unknown_engine(void **state) {
    (void)state;
    CHECK_FAILS(gemm_use(device, "cublas"), VGGCL_EUSAGE, "--gemm", "auto", "clblast", "tiled", "cublas");
    CHECK(gemm_use(device, "auto"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(tiled),           DEVICE_TEST(clblast),
        DEVICE_TEST(clblast_batched), DEVICE_TEST(ends_with_its_tensor),
        DEVICE_TEST(nothing_to_do),   DEVICE_TEST(unknown_engine),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
