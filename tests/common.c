#include "common.h"

#include "check/check.h"
#include "cl/matrix.h"
#include "ops/gemm/gemm.h"

#include <stdio.h>
#include <string.h>

struct dev *device;
struct rig test_rig = {.sample = SIZE_MAX};
struct context *const context = &test_rig.context;

int open_device(void **state) {
    (void)state;
    enum vggcl_err err = dev_open(NULL, NULL, &device);
    rig_start(&test_rig);
    if (err == VGGCL_OK)
        *context = context_make(device);
    if (err == VGGCL_OK && interpreted())
        err = gemm_find_engine("tiled", &context->engine);
    if (err == VGGCL_OK)
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

/* Tests may put another device in its place for a while. */
static struct rig *rig(void) {
    test_rig.dev = context->dev = device;
    return &test_rig;
}

bool interpreted(void) {
    return strcmp(device->info.platform_name, "Oclgrind") == 0;
}

/* The checks of some kernels. */
struct kernel_checks {
    const char *prefix;
    int passed;
};

static bool is_of_kernels(const struct vggcl_check *check, void *payload) {
    const char *prefix = ((struct kernel_checks *)payload)->prefix;
    return strncmp(check->kernels, prefix, strlen(prefix)) == 0;
}

static bool expect_pass(const struct vggcl_check *check, void *payload) {
    if (!check->passed)
        fail_msg("%s (%s) of %s: %s", check->name, check->kernels, check->shape, check->fault);
    ((struct kernel_checks *)payload)->passed++;
    return true;
}

int check_kernels(const char *prefix, struct conv_shape s) {
    struct kernel_checks checks = {.prefix = prefix};
    check_shape(context, "conv", s, SIZE_MAX,
                &(struct check_report){.checked = expect_pass, .payload = &checks, .wanted = is_of_kernels});
    return checks.passed;
}

int store_half(void **state) {
    (void)state;
    context->stored = STORED_HALF;
    return 0;
}

/* The first back-end of CPU cores that suits the device, also if "auto" does not take it; the plain one is the last. */
int store_bf16(void **state) {
    (void)state;
    enum { AUTO_AND_NONE = 2 };
    context->stored = STORED_BF16;
    for (size_t i = AUTO_AND_NONE; matrix_names[i]; i++)
        if (matrix_find(matrix_names[i])->lanes == 1 && matrix_choose(device, matrix_names[i]) == VGGCL_OK)
            return 0;
    return device->simt ? 0 : -1;
}

int store_bf16_plain(void **state) {
    (void)state;
    context->stored = STORED_BF16;
    return device->simt || matrix_choose(device, "plain") == VGGCL_OK ? 0 : -1;
}

/* Oclgrind ends while it compiles these kernels. */
static int choose_lanes(const char *name) {
    return interpreted() || matrix_choose(device, name) == VGGCL_OK || device->simt ? 0 : -1;
}

int store_bf16_lanes(void **state) {
    (void)state;
    context->stored = STORED_BF16;
    return choose_lanes("lanes");
}

int store_tf32_lanes(void **state) {
    (void)state;
    return choose_lanes("lanes-tf32");
}

int release(void **state) {
    (void)state;
    context->stored = STORED_FLOAT;
    if (device)
        device->matrix = NULL;
    enum vggcl_err err = rig_end(rig());
    rig_start(&test_rig);
    if (err == VGGCL_OK)
        return 0;
    print_error("%s\n", vggcl_error());
    return -1;
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

void *zeros(size_t bytes) {
    void *host = rig_zeros(&test_rig, bytes);
    CHECK(test_rig.err);
    return host;
}

float *random_floats(size_t count, double low, double high) {
    float *x = rig_floats(&test_rig, count, low, high);
    CHECK(test_rig.err);
    return x;
}

float *random_normal(size_t count, double mean, double deviation) {
    float *x = rig_normal(&test_rig, count, mean, deviation);
    CHECK(test_rig.err);
    return x;
}

int32_t *random_labels(size_t count, size_t classes) {
    int32_t *label = rig_labels(&test_rig, count, classes);
    CHECK(test_rig.err);
    return label;
}

struct tensor poisoned(size_t count) {
    struct tensor t = rig_poisoned(rig(), count);
    CHECK(test_rig.err);
    return t;
}

struct tensor upload(size_t count, const void *host) {
    struct tensor t = rig_upload(rig(), count, host);
    CHECK(test_rig.err);
    return t;
}

float *stored(size_t count, float *x) {
    return rig_stored(rig(), count, x);
}

struct tensor poisoned_stored(size_t count) {
    struct tensor t = rig_poisoned_stored(rig(), count);
    CHECK(test_rig.err);
    return t;
}

struct tensor upload_stored(size_t count, const float *host) {
    struct tensor t = rig_upload_stored(rig(), count, host);
    CHECK(test_rig.err);
    return t;
}

struct tensor upload_bytes(size_t bytes, const void *host) {
    size_t words = (bytes + 3) / 4;
    return upload(words, memcpy(zeros(4 * words), host, bytes));
}

void *download(struct tensor t) {
    void *host = rig_download(rig(), t);
    CHECK(test_rig.err);
    return host;
}

void compared_at(const char *file, int line) {
    char fault[RIG_FAULT];
    CHECK(test_rig.err);
    if (!test_rig.result.wrong)
        return;
    rig_fault(&test_rig.result, fault);
    print_error("%s\n", fault);
    _fail(file, line);
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
