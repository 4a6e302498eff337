/* common.h - shared by the tests of kernels: src/check/rig.h with one device; a failed comparison fails the test at
 * once.
 *
 *     static void doubles(void **state) {
 *         float *x = random_floats(65, -1, 1);
 *         struct tensor in = upload(65, x), out = poisoned(65);
 *         CHECK(op(device, 65, in, out));
 *         COMPARE("65 words", out, 1, i, sum_of(2.0 * x[i]));
 *     }
 *     int main(void) {
 *         const struct CMUnitTest tests[] = {DEVICE_TEST(doubles)};
 *         return cmocka_run_group_tests(tests, open_device, close_device);
 *     }
 */
#ifndef VGGCL_TESTS_COMMON_H
#define VGGCL_TESTS_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "check/rig.h"

/* $VGGCL_DEVICE or the default device, opened and closed with the group of tests, which fails if there is no device. */
extern struct dev *device;
extern struct context *const context; /* of the device, with the built-in rules */
int open_device(void **state);
int close_device(void **state);

/* True if the device is Oclgrind, which is about a thousand times slower. Tests then use small shapes and the built-in
 * GEMM kernel (engine tiled), which is enough for the faults that it detects. */
bool interpreted(void);

/* A test; afterwards, everything that the functions below allocated is freed, and all guard words are checked. */
#define DEVICE_TEST(function) cmocka_unit_test_teardown(function, release)
int release(void **state);

/* The same with activations stored as 16-bit floats. */
#define HALF_TEST(function) {#function ", half", function, store_half, release, NULL}
int store_half(void **state);

/* The same with activations stored as bfloat16, and multiplied by the device's matrix instructions or, if it has none,
 * by the plain back-end; and always by the plain one. */
#define BF16_TEST(function) {#function ", bf16", function, store_bf16, release, NULL}
int store_bf16(void **state);
#define PLAIN_TEST(function) {#function ", bf16, plain", function, store_bf16_plain, release, NULL}
int store_bf16_plain(void **state);

/* The same with the back-end that emulates devices whose work-items are SIMD lanes; no back-end on llvmpipe. */
#define LANES_TEST(function) {#function ", bf16, lanes", function, store_bf16_lanes, release, NULL}
int store_bf16_lanes(void **state);

/* Activations as floats, which the back-end that emulates NVIDIA's instruction multiplies as tf32; none on llvmpipe. */
#define TF32_TEST(function) {#function ", tf32, lanes", function, store_tf32_lanes, release, NULL}
int store_tf32_lanes(void **state);

/* Runs the checks of a convolution's shape whose kernels begin with `prefix`, in full; the test fails if one of them
 * does. Returns their number. */
struct conv_shape;
int check_kernels(const char *prefix, struct conv_shape s);

/* Fails the test with the error's text if a function of the library fails. */
#define CHECK(call) check_at((call), #call, __FILE__, __LINE__)
void check_at(enum vggcl_err err, const char *call, const char *file, int line);

/* Fails the test unless the call returns code and the error's text contains each of the strings. */
#define CHECK_FAILS(call, code, ...)                                                                                   \
    check_fails_at((call), code, (const char *[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void check_fails_at(enum vggcl_err err, enum vggcl_err expected, const char *const *parts, const char *file, int line);

/* As the functions of src/check/rig.h, except that every test starts the same random sequence, and NULL is never
 * returned. */
void *zeros(size_t bytes);
float *random_floats(size_t count, double low, double high);
float *random_normal(size_t count, double mean, double deviation);
int32_t *random_labels(size_t count, size_t classes);
struct tensor poisoned(size_t count);
struct tensor upload(size_t count, const void *host);
float *stored(size_t count, float *x);
struct tensor poisoned_stored(size_t count);
struct tensor upload_stored(size_t count, const float *host);
void *download(struct tensor t);

/* Uploads `bytes` bytes of host, rounded up to whole words. */
struct tensor upload_bytes(size_t bytes, const void *host);

/* RIG_COMPARE of floats that fails the test; `what` names the case. */
#define COMPARE(what, output, roundings, i, expected)                                                                  \
    do {                                                                                                               \
        RIG_COMPARE(&test_rig, (what), RIG_FLOATS, (output), (double)(roundings), i, (expected));                      \
        compared_at(__FILE__, __LINE__);                                                                               \
    } while (0)
extern struct rig test_rig;
void compared_at(const char *file, int line);

/* As printf(), to a string that is valid until the test ends. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
