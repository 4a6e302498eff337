/* Devices: selectors, the error for a kernel that does not build, reads and writes. */
#define _POSIX_C_SOURCE 200809L
#include "common.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------- selectors -- */

static const struct vggcl_device machine[] = {
    {.platform = 0, .device = 0, .type = VGGCL_CPU, .name = "pthread-Some Processor", .platform_name = "Portable CL"},
    {.platform = 1, .device = 0, .type = VGGCL_GPU, .name = "First Card", .platform_name = "Cards", .is_default = true},
    {.platform = 1, .device = 1, .type = VGGCL_GPU, .name = "Second Card", .platform_name = "Cards"},
    {.platform = 3, .device = 0, .type = VGGCL_ACCELERATOR, .name = "Board", .platform_name = "Boards"},
};
enum { MACHINE = sizeof machine / sizeof *machine };

static void selectors(void **state) {
    (void)state;
    static const struct {
        const char *selector;
        size_t position;
    } cases[] = {
        {NULL, 1},   {"", 1},         {"0:0", 0},    {"1:0", 1}, {"1:1", 2},         {"3:0", 3},
        {"0", 0},    {"2", 2},        {"3", 3},      {"gpu", 1}, {"cpu", 0},         {"second", 2},
        {"CARD", 1}, {"portable", 0}, {"boards", 3}, {"Bo", 3},  {"accelerator", 3}, {"Some Process", 0},
    };
    unsetenv("VGGCL_DEVICE");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t position = SIZE_MAX;
        CHECK(vggcl_device_select(machine, MACHINE, cases[i].selector, &position));
        assert_int_equal(position, cases[i].position);
    }
}

static void selectors_without_device(void **state) {
    (void)state;
    static const char *const selectors[] = {"2:0", "1:2", "4", "99", "0:0:0", "-1", "card 3", "1:", "xpu"};
    size_t position;
    for (size_t i = 0; i < sizeof selectors / sizeof *selectors; i++)
        CHECK_FAILS(vggcl_device_select(machine, MACHINE, selectors[i], &position), VGGCL_EDEVICE, selectors[i],
                    "0:0 pthread-Some Processor", "1:0 First Card", "1:1 Second Card", "3:0 Board");
    CHECK_FAILS(vggcl_device_select(machine, 1, "gpu", &position), VGGCL_EDEVICE, "gpu", "0:0 pthread-Some Processor");
}

static void selector_from_the_environment(void **state) {
    (void)state;
    size_t position;
    setenv("VGGCL_DEVICE", "second", 1);
    CHECK(vggcl_device_select(machine, MACHINE, NULL, &position));
    assert_int_equal(position, 2);
    CHECK(vggcl_device_select(machine, MACHINE, "cpu", &position));
    assert_int_equal(position, 0);
    setenv("VGGCL_DEVICE", "third", 1);
    CHECK_FAILS(vggcl_device_select(machine, MACHINE, "", &position), VGGCL_EDEVICE, "third");
    setenv("VGGCL_DEVICE", "", 1);
    CHECK(vggcl_device_select(machine, MACHINE, NULL, &position));
    assert_int_equal(position, 1);
    unsetenv("VGGCL_DEVICE");
}

/* A device that does not say its properties is not taken, nor is another one in its place unless by its position. */
static void selectors_of_faulty_devices(void **state) {
    (void)state;
    static const char *const others[] = {NULL, "", "gpu", "cpu", "2", "board", "second"};
    struct vggcl_device faulty[MACHINE];
    size_t position;
    unsetenv("VGGCL_DEVICE");
    memcpy(faulty, machine, sizeof faulty);
    strcpy(faulty[1].problem, "its driver is broken");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK_FAILS(vggcl_device_select(faulty, MACHINE, others[i], &position), VGGCL_EOPENCL,
                    "device 1:0 First Card: cannot be used: its driver is broken", "P:D");
    CHECK_FAILS(vggcl_device_select(faulty, MACHINE, "1:0", &position), VGGCL_EOPENCL, "its driver is broken");
    CHECK(vggcl_device_select(faulty, MACHINE, "1:1", &position));
    assert_int_equal(position, 2);
    setenv("VGGCL_DEVICE", "0:0", 1);
    CHECK(vggcl_device_select(faulty, MACHINE, NULL, &position));
    assert_int_equal(position, 0);
    unsetenv("VGGCL_DEVICE");
}

static void machine_without_devices(void **state) {
    (void)state;
    size_t position;
    CHECK_FAILS(vggcl_device_select(NULL, 0, NULL, &position), VGGCL_EDEVICE, "no OpenCL device", "pocl-opencl-icd");
}

/* A long list is cut, not written past its end. */
static void long_list(void **state) {
    (void)state;
    enum { MANY = 100 };
    struct vggcl_device *list = zeros(MANY * sizeof *list);
    size_t position;
    for (int i = 0; i < MANY; i++) {
        list[i] = machine[0];
        memset(list[i].name, 'x', 200);
        list[i].device = i;
    }
    CHECK_FAILS(vggcl_device_select(list, MANY, "yes", &position), VGGCL_EDEVICE, "yes", "0:0 xxx");
}

/* ---------------------------------------------------------------------------------------------- this machine's -- */

static void listed(void **state) {
    (void)state;
    struct vggcl_device *list;
    size_t count, defaults = 0;
    CHECK(vggcl_devices(&list, &count));
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++) {
        defaults += list[i].is_default;
        assert_true(list[i].name[0] && list[i].platform_name[0] && list[i].version[0]);
        assert_true(list[i].compute_units > 0 && list[i].work_group_size >= WORK_GROUP);
        assert_true(list[i].memory > 0 && list[i].largest_allocation > 0 && list[i].local_memory > 0);
        assert_true(list[i].largest_allocation <= list[i].memory);

        struct dev *d;
        char selector[32];
        snprintf(selector, sizeof selector, "%d:%d", list[i].platform, list[i].device);
        CHECK(dev_open(selector, NULL, &d));
        assert_string_equal(d->info.name, list[i].name);
        dev_close(d);
    }
    assert_int_equal(defaults, 1);
    vggcl_devices_free(list);
}

static void opened(void **state) {
    (void)state;
    assert_true(device->alignment >= 64 && device->alignment % 64 == 0);
    assert_int_equal(dev_vector_width(device, 1), 1);
    assert_int_equal(dev_vector_width(device, 13), 1);
    for (int channels = 1; channels <= 512; channels++) {
        int width = dev_vector_width(device, channels);
        char option[16];
        snprintf(option, sizeof option, "-DVW=%d", width);
        assert_string_equal(dev_vector_option(device, channels), option);
        assert_int_equal(channels % width, 0);
        assert_true(width == device->vector_width || channels % (2 * width));
    }
}

static void not_opened(void **state) {
    (void)state;
    struct dev *d = device;
    CHECK_FAILS(dev_open("no such card", NULL, &d), VGGCL_EDEVICE, "no such card", device->info.name);
    assert_null(d);
    CHECK_FAILS(dev_open(NULL, "/no/such/folder", &d), VGGCL_EIO, "kernel-dir", "/no/such/folder");
    assert_null(d);
    dev_close(NULL);
}

/* ------------------------------------------------------------------------------------------- several devices -- */

/* Opens what selectors mean where each @ stands for the tests' device. */
static enum vggcl_err open_all(const char *selectors, struct dev *devices[VGGCL_DEVICES], size_t *count) {
    char text[256] = "";
    for (const char *c = selectors; *c; c++) {
        size_t used = strlen(text);
        if (*c == '@')
            snprintf(text + used, sizeof text - used, "%d:%d", device->info.platform, device->info.device);
        else
            snprintf(text + used, sizeof text - used, "%c", *c);
    }
    return dev_open_all(text, NULL, devices, count);
}

static void whole(void **state) {
    (void)state;
    struct dev *devices[VGGCL_DEVICES];
    size_t count;
    CHECK(open_all("@", devices, &count));
    assert_int_equal(count, 1);
    assert_string_equal(devices[0]->info.name, device->info.name);
    dev_close(devices[0]);
}

/* The parts of a device together have its compute units, and each works by itself. */
static void parts_of_a_device(void **state) {
    (void)state;
    struct dev *parts[VGGCL_DEVICES];
    size_t count;
    unsigned units = 0;
    enum vggcl_err err = open_all("@/2", parts, &count);
    if (err != VGGCL_OK) { /* the device, or its driver, has no parts */
        CHECK_FAILS(err, VGGCL_EDEVICE, "/2", device->info.name, device->info.compute_units < 2 ? "too few" : "CL_");
        return;
    }
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct tensor t = {.count = 1};
        uint32_t word = 7 + (uint32_t)i, got = 0;
        units += parts[i]->info.compute_units;
        assert_string_equal(parts[i]->info.name, device->info.name);
        assert_int_equal(dev_allocate(parts[i], 1, &t.mem), CL_SUCCESS);
        CHECK(dev_write_later(parts[i], t, 0, 1, &word));
        CHECK(dev_read(parts[i], t, 0, 1, &got));
        assert_int_equal(got, word);
        dev_drop(parts[i], &t);
    }
    assert_int_equal(units, device->info.compute_units);
    for (size_t i = 0; i < count; i++)
        dev_close(parts[i]);
}

static void wrong_parts(void **state) {
    (void)state;
    struct dev *devices[VGGCL_DEVICES];
    size_t count;
    CHECK_FAILS(open_all("@,@", devices, &count), VGGCL_EUSAGE, "named already", device->info.name);
    CHECK_FAILS(open_all("@,@/2", devices, &count), VGGCL_EUSAGE, "named already", "vggcl devices");
    CHECK_FAILS(open_all("@/0", devices, &count), VGGCL_EUSAGE, "/0", "1 to 16 parts");
    CHECK_FAILS(open_all("@/17", devices, &count), VGGCL_EUSAGE, "/17", "1 to 16 parts");
    CHECK_FAILS(open_all("@,no such card", devices, &count), VGGCL_EDEVICE, "no such card", device->info.name);
    CHECK_FAILS(open_all("@/two", devices, &count), VGGCL_EDEVICE, "/two", device->info.name);
    if (device->info.compute_units < 16)
        CHECK_FAILS(open_all("@/16", devices, &count), VGGCL_EDEVICE, "/16", "too few");
    assert_int_equal(count, 0);
}

/* ---------------------------------------------------------------------------------------------------- kernels -- */

/* Opens a device with a kernel folder that holds file name, with the given text; gone_folder() removes it. */
static char folder[VGGCL_PATH_MAX], file[VGGCL_PATH_MAX];
static struct dev *other;

static int gone_folder(void **state) {
    dev_close(other);
    other = NULL;
    unlink(file);
    rmdir(folder);
    return release(state);
}

static struct dev *open_with(const char *name, const char *source) {
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/vggcl-kernels-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    assert_non_null(mkdtemp(folder));
    CHECK(file_path(file, folder, name));
    FILE *stream = fopen(file, "w");
    assert_non_null(stream);
    assert_true(fputs(source, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
    CHECK(dev_open(NULL, folder, &other));
    return other;
}

static enum vggcl_err run_broadcast(struct dev *d, const char *kernel, const char *options) {
    struct tensor none = {0};
    return dev_run(d, kernel, options, RANGE(0), ARGS(A_MEM(none), A_INT(0), A_MEM(none)));
}

/* The error shows line as the compiler's log numbers it: 2 where it says `file.cl:2:`. Compilers that ignore #line
 * count the lines of the whole program instead. */
static void assert_numbered(const char *file, int own, const char *line) {
    char named[64], expected[128];
    snprintf(named, sizeof named, "%s:%d:", file, own);
    if (!strstr(vggcl_error(), named)) {
        const char *at = strstr(vggcl_error(), ".cl:");
        assert_non_null(at);
        own = atoi(at + strlen(".cl:"));
        assert_int_not_equal(own, 0);
        assert_string_equal(device->info.name, "Oclgrind Simulator");
    }
    snprintf(expected, sizeof expected, "%5d  %s\n", own, line);
    if (!strstr(vggcl_error(), expected))
        fail_msg("the text is: %s", vggcl_error());
}

static void kernel_that_does_not_build(void **state) {
    (void)state;
    struct dev *d =
        open_with("channel.cl", "kernel void broadcast(global float *x) {\n    x[0] = an_unknown_name;\n}\n");
    for (int i = 0; i < 2; i++) { /* and it is not kept as if it had been built */
        CHECK_FAILS(run_broadcast(d, "channel/broadcast", "-DVW=2"), VGGCL_EOPENCL, "channel.cl does not build",
                    device->info.name, "CL_BUILD_PROGRAM_FAILURE", "options: -cl-std=CL1.2 -DVW=2", "an_unknown_name",
                    "  kernel void broadcast(global float *x) {\n", "  }\n");
        assert_numbered("channel.cl", 2, "    x[0] = an_unknown_name;");
    }
}

static void common_that_does_not_build(void **state) {
    (void)state;
    struct dev *d = open_with("common.cl", "#error this is broken\n");
    CHECK_FAILS(run_broadcast(d, "channel/broadcast", ""), VGGCL_EOPENCL, "channel.cl does not build",
                "this is broken");
}

static void included_file_that_does_not_build(void **state) {
    (void)state;
    struct dev *d =
        open_with("winograd_transform.cl", "constant int first = 1;\nconstant int second = an_unknown_name;\n");
    CHECK_FAILS(run_broadcast(d, "winograd/winograd_weight", ""), VGGCL_EOPENCL, "winograd.cl does not build",
                "an_unknown_name", "  constant int first = 1;\n");
    assert_numbered("winograd_transform.cl", 2, "constant int second = an_unknown_name;");
}

static void file_that_includes(void **state) {
    (void)state;
    struct dev *d = open_with("winograd.cl", "/* first */\n#include \"winograd_transform.cl\"\n\n"
                                             "constant int tile = TILE;\nconstant int last = an_unknown_name;\n");
    CHECK_FAILS(run_broadcast(d, "winograd/winograd_weight", ""), VGGCL_EOPENCL, "winograd.cl does not build");
    assert_numbered("winograd.cl", 5, "constant int last = an_unknown_name;");
    assert_null(strstr(vggcl_error(), "winograd.cl:4"));
}

static void included_file_that_is_missing(void **state) {
    (void)state;
    struct dev *d = open_with("channel.cl", "#include \"no_such_file.cl\"\nkernel void broadcast() {\n}\n");
    CHECK_FAILS(run_broadcast(d, "channel/broadcast", ""), VGGCL_EOPENCL, "there is no kernel file no_such_file.cl");
}

/* A file of the folder takes the embedded one's place; files that it lacks are taken as embedded. */
static void kernel_folder(void **state) {
    (void)state;
    struct dev *d =
        open_with("channel.cl", "kernel void broadcast(global const float *x, int count, global float *y) {\n"
                                "    if (get_global_id(0) < count)\n"
                                "        VSTORE((vec)42, get_global_id(0), y);\n"
                                "}");
    struct dev *embedded = device;
    float got[3];
    device = d; /* so that the memory is its own */
    struct tensor y = poisoned(3);
    enum vggcl_err err = dev_run(d, "channel/broadcast", "", RANGE(3), ARGS(A_MEM(y), A_INT(3), A_MEM(y)));
    if (err == VGGCL_OK)
        err = dev_read(d, y, 0, 3, got);
    int guards = release(NULL);
    device = embedded;
    CHECK(err);
    assert_int_equal(guards, 0);
    for (int i = 0; i < 3; i++)
        assert_true(got[i] == 42);
}

/* FOR_EACH_JOB does each job exactly once, in loops of the kind that PoCL 7.1 puts barriers into: each of a job's words
 * adds up 3 * (0 + ... + WORDS - 1) + 1. */
static const char job_kernel[] = "kernel void count(global int *taken, int jobs, int words, global int *sum) {\n"
                                 "    FOR_EACH_JOB(job, taken, jobs) {\n"
                                 "        for (int round = 0; round < 3; round++)\n"
                                 "            for (int k = 0; k < words; k++)\n"
                                 "                for (int i = 0; i < words; i++)\n"
                                 "                    sum[job * words + i] += k;\n"
                                 "        for (int i = 0; i < words; i++)\n"
                                 "            sum[job * words + i] += 1;\n"
                                 "    }\n"
                                 "}\n";

/* The group of one is last: with lost jobs it would not end. */
static void each_job_is_done_once(void **state) {
    (void)state;
    enum { WORDS = 8, JOBS = 23 };
    static const size_t groups[] = {2, 3, 16, JOBS, 1};
    struct dev *embedded = device;
    device = open_with("jobs.cl", job_kernel); /* so that the memory is its own */
    enum vggcl_err err = VGGCL_OK;
    int wrong = 0;
    for (size_t run = 0; run < sizeof groups / sizeof *groups && err == VGGCL_OK && wrong == 0; run++) {
        struct tensor sum = upload(JOBS * WORDS, zeros(JOBS * WORDS * sizeof(int32_t)));
        int32_t got[JOBS * WORDS], taken;
        err = dev_run(device, "jobs/count", "", RANGE_SINGLE(groups[run], 1, 1),
                      ARGS(A_JOBS(device, JOBS), A_INT(WORDS), A_MEM(sum)));
        if (err == VGGCL_OK)
            err = dev_read(device, sum, 0, JOBS * WORDS, got);
        if (err == VGGCL_OK)
            err = dev_read(device, device->jobs_taken, 0, 1, &taken);
        for (int i = 0; i < JOBS * WORDS && err == VGGCL_OK; i++)
            wrong += got[i] != 3 * WORDS * (WORDS - 1) / 2 + 1;
        wrong += err == VGGCL_OK && taken != 0;
    }
    int guards = release(NULL);
    device = embedded;
    CHECK(err);
    assert_int_equal(wrong, 0);
    assert_int_equal(guards, 0);
}

static void unknown_kernel(void **state) {
    (void)state;
    CHECK_FAILS(run_broadcast(device, "channel/sideways", ""), VGGCL_EOPENCL, "channel/sideways",
                "CL_INVALID_KERNEL_NAME");
    CHECK_FAILS(run_broadcast(device, "sigmoid/sigmoid", ""), VGGCL_EOPENCL, "sigmoid.cl");
}

static void wrong_argument(void **state) {
    (void)state;
    enum vggcl_err err = dev_run(device, "channel/broadcast", "", RANGE(1), ARGS(A_INT(1)));
    CHECK_FAILS(err, VGGCL_EOPENCL, "channel/broadcast", "argument 0", "CL_INVALID_ARG_SIZE");
}

/* ----------------------------------------------------------------------------------------------------- memory -- */

static void parts_of_a_tensor(void **state) {
    (void)state;
    const uint32_t words[] = {10, 11, 12, 13, 14, 15, 16};
    struct tensor t = upload(7, words);
    uint32_t got[3];
    CHECK(dev_read(device, t, 2, 3, got));
    assert_memory_equal(got, words + 2, sizeof got);
    CHECK(dev_write(device, t, 5, 2, words));
    CHECK(dev_fill(device, t, 1, 2, 77));
    const uint32_t expected[] = {10, 77, 77, 13, 14, 10, 11};
    assert_memory_equal(download(t), expected, sizeof expected);
}

static void read_later(void **state) {
    (void)state;
    const uint32_t words[] = {1, 2, 3, 4, 5};
    struct tensor t = upload(5, words);
    struct fence fence = {.event = NULL};
    uint32_t got[3] = {0};
    CHECK(fence_wait(&fence)); /* an empty one is done */
    CHECK(dev_read_later(device, t, 1, 3, got, &fence));
    CHECK(fence_wait(&fence));
    assert_memory_equal(got, words + 1, sizeof got);
    assert_null(fence.event);
    CHECK(dev_finish(device));
}

static void growing(void **state) {
    (void)state;
    struct tensor t = {0};
    CHECK(dev_grow(device, &t, 10));
    cl_mem first = t.mem;
    assert_int_equal(t.count, 10);
    CHECK(dev_grow(device, &t, 5));
    assert_ptr_equal(t.mem, first);
    CHECK(dev_grow(device, &t, 1000));
    assert_int_equal(t.count, 1000);
    CHECK(dev_fill(device, t, 0, 1000, 0));
    clReleaseMemObject(t.mem);
}

static void error_names(void **state) {
    (void)state;
    assert_string_equal(cl_error_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
    assert_string_equal(cl_error_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    assert_non_null(cl_error_name(-12345));
    CHECK_FAILS(dev_fail(device, CL_MEM_OBJECT_ALLOCATION_FAILURE, "this"), VGGCL_ENOMEM, "this", device->info.name,
                "CL_MEM_OBJECT_ALLOCATION_FAILURE");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        DEVICE_TEST(selectors),
        DEVICE_TEST(selectors_without_device),
        DEVICE_TEST(selector_from_the_environment),
        DEVICE_TEST(selectors_of_faulty_devices),
        DEVICE_TEST(machine_without_devices),
        DEVICE_TEST(long_list),
        DEVICE_TEST(listed),
        DEVICE_TEST(opened),
        DEVICE_TEST(not_opened),
        DEVICE_TEST(whole),
        DEVICE_TEST(parts_of_a_device),
        DEVICE_TEST(wrong_parts),
        cmocka_unit_test_teardown(kernel_that_does_not_build, gone_folder),
        cmocka_unit_test_teardown(common_that_does_not_build, gone_folder),
        cmocka_unit_test_teardown(included_file_that_does_not_build, gone_folder),
        cmocka_unit_test_teardown(file_that_includes, gone_folder),
        cmocka_unit_test_teardown(included_file_that_is_missing, gone_folder),
        cmocka_unit_test_teardown(kernel_folder, gone_folder),
        cmocka_unit_test_teardown(each_job_is_done_once, gone_folder),
        DEVICE_TEST(unknown_kernel),
        DEVICE_TEST(wrong_argument),
        DEVICE_TEST(parts_of_a_tensor),
        DEVICE_TEST(read_later),
        DEVICE_TEST(growing),
        DEVICE_TEST(error_names),
    };
    return cmocka_run_group_tests(tests, open_device, close_device);
}
