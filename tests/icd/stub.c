/* stub.c - an OpenCL driver with one device, for tests of what becomes of a program whose driver is broken: creating a
 * context crashes, or hangs where $VGGCL_STUB is "hang", or ends the process where it is "exit"; "hang-listing": its
 * list of devices hangs; "hang-loading", "abort-loading": its list of platforms hangs or aborts. Where that is
 * "no-device" or "no-platform", it has none; where it is "mute", the device does not say its numbers; where it is
 * "no-clock", its clock frequency is 0. Its platform's name is $VGGCL_STUB_NAME, else "stub platform". It has what an
 * ICD loader and a list of devices ask for.
 */
#define _POSIX_C_SOURCE          200809L
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl_ext.h>
#include <CL/cl_icd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct _cl_platform_id {
    cl_icd_dispatch *dispatch;
};
struct _cl_device_id {
    cl_icd_dispatch *dispatch;
};

static cl_icd_dispatch functions;
static struct _cl_platform_id platform = {&functions};
static struct _cl_device_id device = {&functions};

static int stub_is(const char *how) {
    const char *text = getenv("VGGCL_STUB");
    return text && strcmp(text, how) == 0;
}

static cl_int give(const void *value, size_t value_size, size_t size, void *to, size_t *size_ret) {
    if (size_ret)
        *size_ret = value_size;
    if (to && size < value_size)
        return CL_INVALID_VALUE;
    if (to)
        memcpy(to, value, value_size);
    return CL_SUCCESS;
}

static cl_int give_text(const char *text, size_t size, void *to, size_t *size_ret) {
    return give(text, strlen(text) + 1, size, to, size_ret);
}

static cl_int get_platform_info(cl_platform_id id, cl_platform_info what, size_t size, void *to, size_t *size_ret) {
    (void)id;
    const char *name = getenv("VGGCL_STUB_NAME");
    return give_text(what == CL_PLATFORM_EXTENSIONS       ? "cl_khr_icd"
                     : what == CL_PLATFORM_VERSION        ? "OpenCL 1.2 stub"
                     : what == CL_PLATFORM_ICD_SUFFIX_KHR ? "STUB"
                     : name                               ? name
                                                          : "stub platform",
                     size, to, size_ret);
}

static cl_int get_devices(cl_platform_id id, cl_device_type type, cl_uint count, cl_device_id *ids, cl_uint *found) {
    (void)id, (void)type;
    if (stub_is("no-device"))
        return CL_DEVICE_NOT_FOUND;
    if (stub_is("hang-listing"))
        sleep(600);
    if (found)
        *found = 1;
    if (ids && count)
        *ids = &device;
    return CL_SUCCESS;
}

static cl_int get_device_info(cl_device_id id, cl_device_info what, size_t size, void *to, size_t *size_ret) {
    (void)id;
    const cl_device_type type = CL_DEVICE_TYPE_CPU;
    const cl_ulong number = what == CL_DEVICE_MAX_CLOCK_FREQUENCY && stub_is("no-clock") ? 0 : 1024;
    switch (what) {
    case CL_DEVICE_NAME:
        return give_text("stub <b>&\"device\"", size, to, size_ret);
    case CL_DEVICE_TYPE:
        return give(&type, sizeof type, size, to, size_ret);
    case CL_DEVICE_VENDOR:
    case CL_DRIVER_VERSION:
    case CL_DEVICE_VERSION:
    case CL_DEVICE_OPENCL_C_VERSION:
    case CL_DEVICE_EXTENSIONS:
        return give_text("1.0", size, to, size_ret);
    default:
        return stub_is("mute") ? CL_OUT_OF_RESOURCES : give(&number, sizeof number, size, to, size_ret);
    }
}

static cl_context create_context(const cl_context_properties *properties, cl_uint count, const cl_device_id *ids,
                                 void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user,
                                 cl_int *code) {
    (void)properties, (void)count, (void)ids, (void)notify, (void)user, (void)code;
    if (stub_is("hang"))
        sleep(600);
    if (stub_is("exit"))
        exit(0);
    *(volatile int *)NULL = 0; /* not raise(): PoCL, in the same process, catches signals that no access caused */
    return NULL;
}

static cl_int get_platforms(cl_uint count, cl_platform_id *ids, cl_uint *found) {
    if (stub_is("hang-loading"))
        sleep(600);
    if (stub_is("abort-loading"))
        abort();
    functions.clGetPlatformInfo = get_platform_info;
    functions.clGetDeviceIDs = get_devices;
    functions.clGetDeviceInfo = get_device_info;
    functions.clCreateContext = create_context;
    if (found)
        *found = !stub_is("no-platform");
    if (stub_is("no-platform"))
        return CL_PLATFORM_NOT_FOUND_KHR;
    if (ids && count)
        *ids = &platform;
    return CL_SUCCESS;
}

/* All that the library exports; it goes through a union because ISO C has no cast from a function to void *. */
__attribute__((visibility("default"))) void *clGetExtensionFunctionAddress(const char *name) {
    static const union {
        cl_int (*platforms)(cl_uint count, cl_platform_id *ids, cl_uint *found);
        cl_int (*info)(cl_platform_id id, cl_platform_info what, size_t size, void *to, size_t *size_ret);
        void *address;
    } platforms = {.platforms = get_platforms}, info = {.info = get_platform_info};
    return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? platforms.address
           : strcmp(name, "clGetPlatformInfo") == 0    ? info.address
                                                       : NULL;
}
