/* Blocks of tiles (cl/matrix.cl) by each back-end that the processor or the emulator has, compared with the definition
 * in double precision; convolutions by AMX. */
#define _POSIX_C_SOURCE 200809L /* mkdtemp */
#include "common.h"

#include "check/check.h"
#include "cl/matrix.h"
#include "emulated.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 16, DEPTH = 32, TILE = SIDE * DEPTH, STEPS = 3, A_STRIDE = STEPS * DEPTH + 32, GAP = 16 };

/* sums = or += a b, as one block; behind them the same again, by matrix_store_private(). */
static const char kernel[] =
    "#include \"matrix.cl\"\n"
    "enum { ROWS = 16 * BLOCK_ROWS, COLUMNS = 16 * BLOCK_COLUMNS };\n"
    "kernel void multiply(global const ushort *a, int a_stride, global const ushort *b, int steps, int add,\n"
    "                     global float *sums, int stride) {\n"
    "    float copy[ROWS * COLUMNS] __attribute__((aligned(64)));\n"
    "    MATRIX_BEGIN\n"
    "    matrix_block block;\n"
    "    if (add)\n"
    "        matrix_load(&block, sums, stride);\n"
    "    else\n"
    "        matrix_zero(&block);\n"
    "    matrix_multiply(&block, a, a_stride, 32, b, BLOCK_COLUMNS * TILE_B, steps);\n"
    "    matrix_store(&block, sums, stride);\n"
    "    matrix_store_private(&block, copy, COLUMNS);\n"
    "    MATRIX_END\n"
    "    for (int i = 0; i < ROWS; i++)\n"
    "        for (int j = 0; j < COLUMNS; j++)\n"
    "            sums[(ROWS + i) * stride + j] = copy[i * COLUMNS + j];\n"
    "}\n";

static char folder[] = "/tmp/vggcl-amx-XXXXXX", kernel_file[64];

/* Opens the device with a folder that has the kernel. */
static int open_with_kernel(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(kernel_file, sizeof kernel_file, "%s/multiply.cl", folder);
    FILE *file = fopen(kernel_file, "w");
    if (!file || fputs(kernel, file) < 0 || fclose(file) != 0)
        return -1;
    if (open_device(state) != 0)
        return -1;
    dev_close(device);
    return dev_open(NULL, folder, &device) == VGGCL_OK ? 0 : -1;
}

static int close_with_kernel(void **state) {
    unlink(kernel_file);
    rmdir(folder);
    return close_device(state);
}

/* Sets device->matrix; skips the test if the device does not suit. */
static void use(const char *name, enum processor_unit unit) {
    bool host = strcmp(device->info.platform_name, "Portable Computing Language") == 0;
    if (device->simt || (unit != PROCESSOR_ANY && !host) || (unit == PROCESSOR_AVX512 && !processor_has(unit)))
        skip();
    CHECK(matrix_choose(device, name));
}

/* The shape of a block, and its operands: bfloat16 numbers, as floats. */
struct block {
    int rows, columns, stride; /* of sums; floats from one row to the next */
    const float *a, *b, *sums;
    bool add;
};

static struct sum element(const struct block *b, int i, int j) {
    struct sum s = sum_of(b->add ? b->sums[i * b->stride + j] : 0);
    for (int k = 0; k < STEPS * DEPTH; k++) {
        const float *tile = b->b + (k / DEPTH * (b->columns / SIDE) + j / SIDE) * TILE;
        sum_add(&s, (double)b->a[i * A_STRIDE + k] * tile[(k % DEPTH / 2 * SIDE + j % SIDE) * 2 + k % 2]);
    }
    return s;
}

/* What is at a place of the result, which has the block twice, and gaps. */
static struct sum expected(const struct block *b, size_t place) {
    int i = (int)place / b->stride, j = (int)place % b->stride;
    return j < b->columns ? element(b, i % b->rows, j) : sum_exactly(b->sums[place]);
}

/* Whole numbers are exact, and so is their sum; others have the rounding errors of a sum. */
static void multiply(bool whole, bool add) {
    int rows = SIDE * device->matrix->rows, columns = SIDE * device->matrix->columns, stride = columns + GAP;
    size_t a_count = (size_t)(rows * A_STRIDE), b_count = (size_t)(STEPS * DEPTH * columns);
    size_t count = (size_t)(2 * rows * stride);
    float *operands[] = {random_floats(a_count, -8, 8), random_floats(b_count, -8, 8), random_floats(count, -8, 8)};
    size_t counts[] = {a_count, b_count, count};
    for (int k = 0; whole && k < 3; k++)
        for (size_t i = 0; i < counts[k]; i++)
            operands[k][i] = (float)(int)operands[k][i];
    struct block block = {rows, columns, stride, operands[0], operands[1], operands[2], add};
    struct tensor a = upload_stored(a_count, stored(a_count, operands[0])),
                  b = upload_stored(b_count, stored(b_count, operands[1])), sums = upload(count, operands[2]);
    CHECK(dev_run(device, "multiply/multiply", text("-DSTORED=2 -DVW=16 -DMATRIX=%d", device->matrix->number),
                  RANGE_SINGLE(1, 1, 1),
                  ARGS(A_MEM(a), A_INT(A_STRIDE), A_MEM(b), A_INT(STEPS), A_INT(add), A_MEM(sums), A_INT(stride))));
    COMPARE(device->matrix->name, sums, whole ? 0 : sum_roundings(STEPS * DEPTH + 1), i, expected(&block, i));
}

static void multiply_all(const char *name, enum processor_unit unit) {
    context->stored = STORED_BF16;
    use(name, unit);
    multiply(true, false);
    multiply(true, true);
    multiply(false, false);
    multiply(false, true);
}

static void plain(void **state) {
    (void)state;
    multiply_all("plain", PROCESSOR_ANY);
}

static void avx512(void **state) {
    (void)state;
    multiply_all("avx512", PROCESSOR_AVX512);
}

static void amx(void **state) {
    (void)state;
    multiply_all("amx", PROCESSOR_AMX);
}

/* Two packings, forward, data and weight gradient, and three checks of each Winograd algorithm; blocks of images that
 * are not full, and taps beyond the border. */
static void convolution(void **state) {
    (void)state;
    static const struct conv_shape shapes[] = {{37, 3, 5, 32, 64}, {33, 2, 2, 64, 32}};
    int passed = 0;
    use("amx", PROCESSOR_AMX);
    context->stored = STORED_BF16;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        passed += check_kernels("conv_matrix/", shapes[i]) + check_kernels("winograd_matrix/", shapes[i]);
    assert_int_equal(passed, 10 + 3 + 6);
}

int main(int argc, char **argv) {
    (void)argc;
    emulate_amx(argv);
    const struct CMUnitTest tests[] = {DEVICE_TEST(plain), DEVICE_TEST(avx512), DEVICE_TEST(amx),
                                       DEVICE_TEST(convolution)};
    return cmocka_run_group_tests(tests, open_with_kernel, close_with_kernel);
}
