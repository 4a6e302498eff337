/* common.h - what the kernels' tests share: one device per program, arrays that live until the test ends, device memory
 * with guard words around it, and a comparison that says where and by how much.
 *
 *     static void doubles(void **state) {
 *         float *x = random_floats(65, -1, 1);
 *         struct tensor in = upload(65, x), out = poisoned(65);
 *         CHECK(op(device, 65, in, out));
 *         COMPARE("65 words", out, expected_double(65, x), 1);
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

#include "base/rng.h"
#include "cl/device.h"

/* The default device or $VGGCL_DEVICE's, opened and closed with the group of tests; a machine without one fails it. */
extern struct dev *device;
int open_device(void **state);
int close_device(void **state);

/* A test after which everything made by the functions below is freed, and all guard words are checked. */
#define DEVICE_TEST(function) cmocka_unit_test_teardown(function, release)
int release(void **state);

/* Fails the test with the error's text where a function of the library fails. */
#define CHECK(call) check_at((call), #call, __FILE__, __LINE__)
void check_at(enum vggcl_err err, const char *call, const char *file, int line);

/* Fails the test unless the call answers code, with a text in which each of the strings occurs. */
#define CHECK_FAILS(call, code, ...)                                                                                   \
    check_fails_at((call), code, (const char *[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void check_fails_at(enum vggcl_err err, enum vggcl_err expected, const char *const *parts, const char *file, int line);

/* ------------------------------------------------------------------------------------------------- host arrays -- */

/* bytes of zeros; at least one. Never NULL. */
void *zeros(size_t bytes);

/* Uniform in [low, high), or normal; every test starts the same sequence anew. */
float *random_floats(size_t count, double low, double high);
float *random_normal(size_t count, double mean, double deviation);

/* ----------------------------------------------------------------------------------------------- device memory -- */

/* A word that no kernel writes: a NaN, so that it shows in whatever is computed from it. */
#define POISON 0x7FCDCDCDu

/* count words (of floats or integers) of device memory between guard words, everything filled with POISON. */
struct tensor poisoned(size_t count);

/* The same with what host holds, count words. */
struct tensor upload(size_t count, const void *host);

/* bytes of host, in whole words. */
struct tensor upload_bytes(size_t bytes, const void *host);

/* A copy of all of t. */
void *download(struct tensor t);

/* -------------------------------------------------------------------------------------------------- comparison -- */

/* Values computed in double precision, and for each the sum of the magnitudes of the terms that it was summed from: the
 * rounding error of a float sum is at most (roundings on the longest way of a term) * FLT_EPSILON / 2 * magnitude. */
struct exact {
    size_t count;
    double *value, *magnitude;
};
struct exact exact_zeros(size_t count);

/* host's values with magnitude 0: nothing is computed, so nothing may differ. */
struct exact exact_copy(size_t count, const float *host);

/* Adds a term to element i. */
static inline void exact_add(struct exact e, size_t i, double term) {
    e.value[i] += term;
    e.magnitude[i] += term < 0 ? -term : term;
}

/* Fails the test, naming the first wrong element, how many there are and the worst, unless each element of actual is
 * within roundings * FLT_EPSILON * magnitude of the expected value (and FLT_MIN: a device may flush smaller numbers to
 * zero). A NaN must be met by a NaN. `what` says which case it is. */
#define COMPARE(what, actual, expected, roundings)                                                                     \
    compare_at((what), (actual), (expected), (double)(roundings), __FILE__, __LINE__)
void compare_at(const char *what, struct tensor actual, struct exact expected, double roundings, const char *file,
                int line);

/* printf into a text that lives until the test ends. */
const char *text(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
