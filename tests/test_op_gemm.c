/* Matrix products with all engines, on views whose rows are longer than the matrix's. */
#include "common.h"

#include "check/check_gemm.h"
#include "cl/matrix.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/gemm_matrix.h"

#include <string.h>

struct product {
    size_t m, n, k, batch;
};

/* A view of rows x columns (of what is multiplied) that begins somewhere, with gaps between rows and matrices. */
static struct matrix view(size_t rows, size_t columns, bool transposed) {
    size_t stored_rows = transposed ? columns : rows, stride = (transposed ? rows : columns) + 3;
    return (struct matrix){{0}, 5, stride, stored_rows * stride + 7, transposed};
}

/* The same without gaps, as most callers have it. */
static struct matrix dense(size_t rows, size_t columns, bool transposed) {
    return (struct matrix){{0}, 0, transposed ? rows : columns, rows * columns, transposed};
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

/* Plans and launches it, with exactly the scratch memory that the plan asks for. */
static void run(const char *engine, struct gemm_shape shape, struct matrix a, struct matrix b, enum gemm_add add,
                struct matrix c) {
    struct gemm_plan plan;
    CHECK(gemm_make_plan(context, gemm_named(engine), shape, a, b, c, &plan));
    CHECK(gemm_run(device, &plan, a, b, add, c, poisoned(plan.scratch_words)));
}

static void round_operand(size_t count, float *operand) {
    for (size_t i = 0; i < count; i++)
        operand[i] = matrix_operand(device->matrix, operand[i]);
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
    if (gemm_named(engine)->matrix) {
        round_operand(a_count, a_host);
        round_operand(b_count, b_host);
    }
    run(engine, (struct gemm_shape){p.m, p.n, p.k, p.batch}, a, b, add, c);
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

/* The last one's sums are longer than a work-item's loops may be (dev_most_rounds()). */
static void tiled(void **state) {
    (void)state;
    static const struct product products[] = {
        {1, 1, 1, 1},    {3, 7, 13, 3},   {65, 127, 33, 1}, {7, 10, 512, 1},
        {70, 16, 9, 36}, {127, 48, 1, 1}, {129, 64, 65, 3}, {8, 16, 8200, 1},
    };
    size_t count = interpreted() ? 2 : sizeof products / sizeof *products;
    for (size_t i = 0; i < count; i++)
        all_transposes("tiled", products[i], (int)i);
}

/* Every kind of tile, so that products end within one, at its border and beyond. */
static void tiles(void **state) {
    (void)state;
    static const struct gemm_tile tiles[] = {
        {.rows = 1, .vectors = 1, .width = 1, .panel = 1},
        {.rows = 6, .vectors = 4, .width = 16, .panel = 12},
        {.rows = 16, .vectors = 1, .width = 8, .panel = 32},
        {.rows = 5, .vectors = 3, .width = 4, .panel = 1000},
        {.rows = 1, .vectors = 1, .width = 1, .group_rows = 1, .group_columns = 1, .depth = 1},
        {.rows = 4, .vectors = 1, .width = 4, .group_rows = 8, .group_columns = 8, .depth = 8},
        {.rows = 3, .vectors = 2, .width = 16, .group_rows = 2, .group_columns = 5, .depth = 7},
        {.rows = 8, .vectors = 4, .width = 2, .group_rows = 4, .group_columns = 1, .depth = 8},
    };
    static const struct product products[] = {
        {33, 48, 65, 2}, {1, 7, 9, 1}, {1, 7, 139, 1}}; /* each tile is compiled for each */
    struct tuning tuning = context_built_in_tuning(device);
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i += interpreted() ? 3 : 1) {
        tuning.tile[false] = tuning.tile[true] = tiles[i];
        CHECK(context_tune(context, &tuning));
        for (size_t k = 0; k < (interpreted() ? 1 : sizeof products / sizeof *products); k++)
            all_transposes("tiled", products[k], (int)(i + k));
    }
    context->tuning = context_built_in_tuning(device);
}

/* The ranges that gemm.h states, and what the device has. */
static void wrong_tiles(void **state) {
    (void)state;
    static const struct gemm_tile good = {
        .rows = 4, .vectors = 1, .width = 4, .panel = 8, .group_rows = 8, .group_columns = 8, .depth = 8};
    struct {
        int field, value;
        const char *text;
    } wrong[] = {{0, 0, "rows"},        {0, 17, "rows"},         {1, 0, "vectors"},        {1, 5, "vectors"},
                 {2, 0, "width"},       {2, 32, "width"},        {2, 3, "width"},          {4, -1, "group_rows"},
                 {4, 65, "group_rows"}, {5, 0, "group_columns"}, {5, 65, "group_columns"}, {6, 0, "depth"},
                 {6, 65, "depth"}};
    struct tuning tuning = context_built_in_tuning(device);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct gemm_tile t = good;
        int *fields[] = {&t.rows, &t.vectors, &t.width, &t.panel, &t.group_rows, &t.group_columns, &t.depth};
        *fields[wrong[i].field] = wrong[i].value;
        tuning.tile[i % 2] = t;
        CHECK_FAILS(context_tune(context, &tuning), VGGCL_EUSAGE, wrong[i].text);
        tuning.tile[i % 2] = good;
    }
    tuning = context_built_in_tuning(device);
    assert_memory_equal(&context->tuning, &tuning, sizeof tuning);
    CHECK(gemm_tile_check(device, good));
    CHECK_FAILS(gemm_tile_check(device, (struct gemm_tile){.rows = 8, .vectors = 1, .width = 1, .panel = 12}),
                VGGCL_EUSAGE, "panel 12", "rows 8");
    CHECK_FAILS(gemm_tile_check(device, (struct gemm_tile){.rows = 16, .vectors = 4, .width = 16, .panel = 16}),
                VGGCL_EUSAGE, "512");
    CHECK_FAILS(
        gemm_tile_check(
            device,
            (struct gemm_tile){.rows = 8, .vectors = 4, .width = 2, .group_rows = 4, .group_columns = 1, .depth = 64}),
        VGGCL_EUSAGE, "depth", "128", "640");
    CHECK(gemm_tile_check(device, gemm_built_in_tile(device, true)));
    struct dev small = {.info = {.name = "a small GPU", .work_group_size = 63, .local_memory = 1 << 20}};
    CHECK_FAILS(gemm_tile_check(&small, good), VGGCL_EUSAGE, "8 x 8", "63", small.info.name);
    small.info.work_group_size = 64;
    small.info.local_memory = 1024;
    CHECK_FAILS(gemm_tile_check(&small, good), VGGCL_EUSAGE, "1024", small.info.name);
}

/* A GPU's tile, also one of a GPU that has little. */
static void built_in_tiles(void **state) {
    (void)state;
    struct dev gpu = {.info = {.work_group_size = 1024, .local_memory = 49152}, .simt = true, .vector_width = 4};
    assert_int_equal(gemm_built_in_tile(&gpu, false).group_rows, 16);
    CHECK(gemm_tile_check(&gpu, gemm_built_in_tile(&gpu, false)));
    gpu.info.work_group_size = 64;
    gpu.info.local_memory = 4096;
    CHECK(gemm_tile_check(&gpu, gemm_built_in_tile(&gpu, false)));
}

/* Few shapes: CLBlast's kernels take seconds to compile. Under Oclgrind they take minutes, and are not ours. */
static void clblast(void **state) {
    (void)state;
    if (interpreted())
        skip();
    all_transposes("clblast", (struct product){3, 7, 13, 1}, 0);
    all_transposes("clblast", (struct product){130, 32, 65, 1}, 1);
    all_transposes("clblast", (struct product){64, 512, 4608, 1}, 0); /* three launches */
    all_transposes("clblast", (struct product){64, 512, 4608, 1}, 1);
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

static void all_words_are(struct tensor t, uint32_t word) {
    const uint32_t *words = download(t);
    for (size_t i = 0; i < t.count; i++)
        assert_int_equal(words[i], word);
}

/* No rows are made, and sums of nothing are zeros. */
static void nothing_to_do(void **state) {
    (void)state;
    static const struct gemm_tile tiles[] = {
        {.rows = 4, .vectors = 1, .width = 4, .panel = 8},
        {.rows = 4, .vectors = 1, .width = 4, .group_rows = 4, .group_columns = 4, .depth = 8},
    };
    struct tuning tuning = context_built_in_tuning(device);
    for (size_t i = 0; i < sizeof tiles / sizeof *tiles; i++) {
        struct tensor t = poisoned(16);
        tuning.tile[false] = tiles[i];
        CHECK(context_tune(context, &tuning));
        run("tiled", (struct gemm_shape){0, 16, 1, 1}, MATRIX(t, 1), MATRIX(t, 16), GEMM_SET, MATRIX(t, 16));
        all_words_are(t, POISON);
        run("tiled", (struct gemm_shape){1, 16, 0, 1}, MATRIX(t, 1), MATRIX(t, 16), GEMM_SET, MATRIX(t, 16));
        all_words_are(t, 0);
    }
    context->tuning = context_built_in_tuning(device);
}

/* Options name engines by gemm_engine_names. */
static void engine_names(void **state) {
    (void)state;
    const struct gemm_engine *found;
    size_t count = 0;
    assert_string_equal(gemm_engine_names[0], "auto");
    for (; gemm_engines[count]; count++) {
        assert_string_equal(gemm_engine_names[count + 1], gemm_engines[count]->name);
        CHECK(gemm_find_engine(gemm_engines[count]->name, &found));
        assert_ptr_equal(found, gemm_engines[count]);
    }
    assert_null(gemm_engine_names[count + 1]);
    CHECK(gemm_find_engine("auto", &found));
    assert_null(found);
    CHECK_FAILS(gemm_find_engine("matrix", &found), VGGCL_EUSAGE, "gemm: takes", "matrix");
    CHECK_FAILS(gemm_find_engine("cublas", &found), VGGCL_EUSAGE, "gemm: takes", "auto", "clblast", "tiled", "cublas");
}

/* Blocks that c fills and does not fill, sums in whole steps and not, and no sum at all. */
static void matrix(void **state) {
    (void)state;
    static const struct product products[] = {{1, 1, 1, 1},     {3, 7, 13, 1},   {32, 64, 96, 1},
                                              {65, 127, 33, 1}, {7, 10, 512, 1}, {129, 64, 65, 1}};
    if (!device->matrix)
        skip();
    size_t count = interpreted() ? 3 : sizeof products / sizeof *products;
    for (size_t i = 0; i < count; i++)
        all_transposes("matrix", products[i], (int)i);
    struct tensor t = poisoned(16);
    run("matrix", (struct gemm_shape){1, 16, 0, 1}, MATRIX(t, 1), MATRIX(t, 16), GEMM_SET, MATRIX(t, 16));
    all_words_are(t, 0);
}

/* Linear layers use matrix instructions unless the user chose another engine, they are wrong, or they multiply another
 * type; other products never do. */
static void linear_engine(void **state) {
    (void)state;
    struct context own = *context;
    if (!device->matrix)
        skip();
    assert_ptr_equal(gemm_linear_engine(&own), &gemm_matrix);
    assert_ptr_not_equal(gemm_engine(&own, NULL), &gemm_matrix);
    own.engine = gemm_engines[1];
    assert_ptr_equal(gemm_linear_engine(&own), gemm_engines[1]);
    own.engine = NULL;
    assert_true(tuning_add_wrong(&own.tuning, &(struct device_method){.engine = &gemm_matrix}));
    assert_ptr_equal(gemm_linear_engine(&own), gemm_engine(&own, NULL));
    own = *context;
    own.stored = own.stored == STORED_FLOAT ? STORED_BF16 : STORED_FLOAT;
    assert_ptr_equal(gemm_linear_engine(&own), gemm_engine(&own, NULL));
    assert_false(gemm_allows(&own, &gemm_matrix));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(tiled),
        DEVICE_TEST(tiles),
        DEVICE_TEST(wrong_tiles),
        DEVICE_TEST(built_in_tiles),
        DEVICE_TEST(clblast),
        DEVICE_TEST(clblast_batched),
        DEVICE_TEST(ends_with_its_tensor),
        DEVICE_TEST(nothing_to_do),
        DEVICE_TEST(engine_names),
        BF16_TEST(matrix),
        PLAIN_TEST(matrix),
        LANES_TEST(matrix),
        TF32_TEST(matrix),
        BF16_TEST(linear_engine),
        TF32_TEST(linear_engine),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
