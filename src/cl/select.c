/* select.c - which OpenCL devices there are, and which one a selector means. */
#define _GNU_SOURCE /* strcasestr */
#include "cl/select.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLATFORMS = 32, DEVICES = 64 }; /* more than a machine has; what is beyond is not listed */

static const char no_device[] =
    "no OpenCL device on this machine; on Debian or Ubuntu the package pocl-opencl-icd gives one on any CPU, "
    "nvidia-opencl-icd, intel-opencl-icd and mesa-opencl-icd give one on a GPU (in a container, see that "
    "/etc/OpenCL/vendors names the driver's library)";

static void device_text(cl_device_id id, cl_device_info what, char *text, size_t size) {
    char found[1024] = "";
    clGetDeviceInfo(id, what, sizeof found - 1, found, NULL);
    const char *start = found;
    while (isspace((unsigned char)*start))
        start++;
    snprintf(text, size, "%s", start);
}

static uint64_t device_number(cl_device_id id, cl_device_info what) {
    cl_ulong found = 0; /* the narrower values land in its low bytes on the little-endian hosts of OpenCL */
    clGetDeviceInfo(id, what, sizeof found, &found, NULL);
    return found;
}

static void describe(cl_platform_id platform, cl_device_id id, struct vggcl_device *info) {
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info->platform_name - 1, info->platform_name, NULL);
    device_text(id, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(id, CL_DEVICE_VERSION, info->version, sizeof info->version);
    cl_device_type type = device_number(id, CL_DEVICE_TYPE);
    info->type = type & CL_DEVICE_TYPE_GPU ? VGGCL_GPU : type & CL_DEVICE_TYPE_CPU ? VGGCL_CPU : VGGCL_ACCELERATOR;
    info->compute_units = (unsigned)device_number(id, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = (unsigned)device_number(id, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->memory = device_number(id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->largest_allocation = device_number(id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory = device_number(id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->work_group_size = (size_t)device_number(id, CL_DEVICE_MAX_WORK_GROUP_SIZE);
}

/* A GPU before an accelerator before a CPU. */
static int rank(enum vggcl_device_type type) {
    return type == VGGCL_GPU ? 2 : type == VGGCL_ACCELERATOR ? 1 : 0;
}

enum vggcl_err select_list(struct vggcl_device **list, cl_device_id **ids, size_t *count) {
    cl_platform_id platforms[PLATFORMS];
    cl_uint platform_count = 0;
    *list = calloc((size_t)PLATFORMS * DEVICES, sizeof **list);
    *ids = calloc((size_t)PLATFORMS * DEVICES, sizeof **ids);
    *count = 0;
    if (!*list || !*ids) {
        free(*list);
        free(*ids);
        *list = NULL;
        *ids = NULL;
        return err_no_memory("the list of devices", (size_t)PLATFORMS * DEVICES * sizeof **list);
    }
    /* The error for "no platform" is an empty list, not a failure. */
    if (clGetPlatformIDs(PLATFORMS, platforms, &platform_count) != CL_SUCCESS)
        platform_count = 0;
    if (platform_count > PLATFORMS)
        platform_count = PLATFORMS;
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_uint device_count = 0;
        if (clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES, *ids + *count, &device_count) != CL_SUCCESS)
            continue;
        for (cl_uint i = 0; i < device_count && i < DEVICES; i++, ++*count) {
            struct vggcl_device *info = &(*list)[*count];
            info->platform = (int)p;
            info->device = (int)i;
            describe(platforms[p], (*ids)[*count], info);
        }
    }
    size_t best = 0;
    for (size_t i = 1; i < *count; i++)
        if (rank((*list)[i].type) > rank((*list)[best].type))
            best = i;
    if (*count)
        (*list)[best].is_default = true;
    return VGGCL_OK;
}

enum vggcl_err vggcl_devices(struct vggcl_device **list, size_t *count) {
    cl_device_id *ids;
    TRY(select_list(list, &ids, count));
    free(ids);
    return VGGCL_OK;
}

static bool type_matches(const struct vggcl_device *d, const char *selector) {
    return (d->type == VGGCL_GPU && !strcmp(selector, "gpu")) || (d->type == VGGCL_CPU && !strcmp(selector, "cpu")) ||
           (d->type == VGGCL_ACCELERATOR && !strcmp(selector, "accelerator"));
}

static bool matches(const struct vggcl_device *d, size_t position, const char *selector) {
    unsigned platform, device;
    int end = 0;
    if (sscanf(selector, "%u:%u%n", &platform, &device, &end) == 2 && !selector[end])
        return (unsigned)d->platform == platform && (unsigned)d->device == device;
    if (sscanf(selector, "%u%n", &device, &end) == 1 && !selector[end])
        return position == device;
    if (!strcmp(selector, "gpu") || !strcmp(selector, "cpu") || !strcmp(selector, "accelerator"))
        return type_matches(d, selector);
    return strcasestr(d->name, selector) || strcasestr(d->platform_name, selector);
}

static enum vggcl_err no_match(const struct vggcl_device *list, size_t count, const char *selector) {
    char known[1024] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof known - 1; i++) {
        int wrote = snprintf(known + used, sizeof known - used, "%s%d:%d %s", i ? ", " : "", list[i].platform,
                             list[i].device, list[i].name);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    return err_set(VGGCL_EDEVICE, "--device %s: no such OpenCL device; there are: %s", selector, known);
}

enum vggcl_err vggcl_device_select(const struct vggcl_device *list, size_t count, const char *selector,
                                   size_t *position) {
    if (!selector || !*selector)
        selector = getenv("VGGCL_DEVICE");
    if (count == 0)
        return err_set(VGGCL_EDEVICE, "%s", no_device);
    for (size_t i = 0; i < count; i++) {
        if (selector && *selector ? matches(&list[i], i, selector) : list[i].is_default) {
            *position = i;
            return VGGCL_OK;
        }
    }
    return no_match(list, count, selector);
}
