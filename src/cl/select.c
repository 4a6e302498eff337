/* select.c - lists the OpenCL devices and finds those that selectors name. */
#define _GNU_SOURCE /* strcasestr */
#include "cl/select.h"
#include "base/activity.h"
#include "cl/platforms.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEVICES = 64 }; /* maximum per platform; further ones are ignored */

/* A device that is asked for its properties. */
struct asked {
    cl_device_id id;
    struct vggcl_device *info;
};

/* Keeps the first query that failed. */
static void note(struct vggcl_device *info, const char *query, cl_int code) {
    if (code != CL_SUCCESS && !*info->problem)
        snprintf(info->problem, sizeof info->problem, "its driver answers the query %s with %s (%d)", query,
                 cl_error_name(code), code);
}

static void text_of(struct asked a, cl_device_info what, const char *query, char *text, size_t size) {
    char found[1024] = "";
    note(a.info, query, clGetDeviceInfo(a.id, what, sizeof found - 1, found, NULL));
    const char *start = found;
    while (isspace((unsigned char)*start))
        start++;
    snprintf(text, size, "%s", start);
}
#define TEXT_OF(a, what, text) text_of((a), (what), #what, (text), sizeof(text))

static uint64_t number_of(struct asked a, cl_device_info what, const char *query) {
    cl_ulong found = 0; /* a narrower value is written to its low bytes: hosts are little-endian */
    note(a.info, query, clGetDeviceInfo(a.id, what, sizeof found, &found, NULL));
    return found;
}
#define NUMBER_OF(a, what) number_of((a), (what), #what)

/* The extensions are separated by spaces. Some drivers list too many for a buffer of fixed size. */
static bool has_extension(struct asked a, const char *name) {
    size_t size = 0, length = strlen(name);
    bool found = false;
    cl_int code = clGetDeviceInfo(a.id, CL_DEVICE_EXTENSIONS, 0, NULL, &size);
    char *text = calloc(size + 1, 1);
    if (code == CL_SUCCESS && text)
        code = clGetDeviceInfo(a.id, CL_DEVICE_EXTENSIONS, size, text, NULL);
    note(a.info, "CL_DEVICE_EXTENSIONS", text ? code : CL_OUT_OF_HOST_MEMORY);
    if (text)
        for (const char *at = text; !found && (at = strstr(at, name)); at += length)
            found = (at == text || at[-1] == ' ') && (at[length] == ' ' || !at[length]);
    free(text);
    return found;
}

bool select_has_extension(cl_device_id id, const char *name) {
    struct vggcl_device unused = {0};
    return has_extension((struct asked){id, &unused}, name);
}

static void describe(cl_platform_id platform, cl_device_id id, struct vggcl_device *info) {
    const struct asked a = {id, info};
    note(info, "CL_PLATFORM_NAME",
         clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof info->platform_name - 1, info->platform_name, NULL));
    TEXT_OF(a, CL_DEVICE_NAME, info->name);
    TEXT_OF(a, CL_DEVICE_VENDOR, info->vendor);
    TEXT_OF(a, CL_DRIVER_VERSION, info->driver);
    TEXT_OF(a, CL_DEVICE_VERSION, info->version);
    cl_device_type type = NUMBER_OF(a, CL_DEVICE_TYPE);
    info->type = type & CL_DEVICE_TYPE_GPU ? VGGCL_GPU : type & CL_DEVICE_TYPE_CPU ? VGGCL_CPU : VGGCL_ACCELERATOR;
    info->compute_units = (unsigned)NUMBER_OF(a, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = (unsigned)NUMBER_OF(a, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->memory = NUMBER_OF(a, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->largest_allocation = NUMBER_OF(a, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory = NUMBER_OF(a, CL_DEVICE_LOCAL_MEM_SIZE);
    TEXT_OF(a, CL_DEVICE_OPENCL_C_VERSION, info->c_version);
    info->alignment = (size_t)NUMBER_OF(a, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8;
    info->preferred_vector_width = (unsigned)NUMBER_OF(a, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
    info->native_vector_width = (unsigned)NUMBER_OF(a, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    info->half = has_extension(a, "cl_khr_fp16");
    info->work_group_size = (size_t)NUMBER_OF(a, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    if (!*info->problem && (!info->compute_units || !info->work_group_size))
        snprintf(info->problem, sizeof info->problem,
                 "its driver says that it has %u compute units and work-groups of %zu", info->compute_units,
                 info->work_group_size);
}

/* The default device has the highest rank: GPU, then accelerator, then CPU. */
static int rank(enum vggcl_device_type type) {
    return type == VGGCL_GPU ? 2 : type == VGGCL_ACCELERATOR ? 1 : 0;
}

/* The number of the platform's devices, which are written to ids. *unlisted receives a failure. */
static cl_uint devices_of(cl_platform_id *platforms, cl_uint p, cl_device_id *ids, struct unlisted *unlisted) {
    char name[128];
    cl_uint count = 0;
    if (clGetPlatformInfo(platforms[p], CL_PLATFORM_NAME, sizeof name, name, NULL) != CL_SUCCESS)
        *name = '\0';
    activity_begin("listing the devices", name, false);
    cl_int code = clGetDeviceIDs(platforms[p], CL_DEVICE_TYPE_ALL, DEVICES, ids, &count);
    activity_end();
    if (code != CL_SUCCESS && code != CL_DEVICE_NOT_FOUND)
        *unlisted = (struct unlisted){(int)p, code};
    return code == CL_SUCCESS ? count : 0;
}

enum vggcl_err select_list(struct vggcl_device **list, cl_device_id **ids, size_t *count, struct unlisted *unlisted) {
    cl_platform_id platforms[PLATFORMS];
    *unlisted = (struct unlisted){.code = CL_SUCCESS};
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
    cl_uint platform_count = platforms_ids(platforms);
    for (cl_uint p = 0; p < platform_count; p++) {
        cl_uint device_count = devices_of(platforms, p, *ids + *count, unlisted);
        for (cl_uint i = 0; i < device_count && i < DEVICES; i++, ++*count) {
            struct vggcl_device *info = &(*list)[*count];
            info->platform = (int)p;
            info->device = (int)i;
            activity_begin("querying a device", "", false);
            describe(platforms[p], (*ids)[*count], info);
            activity_end();
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
    struct unlisted unlisted; /* vggcl_platforms() has it */
    TRY(select_list(list, &ids, count, &unlisted));
    free(ids);
    return VGGCL_OK;
}

void vggcl_devices_free(struct vggcl_device *list) {
    free(list);
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

static enum vggcl_err no_device(void) {
    char *problems;
    bool advised;
    TRY(platforms_problems(&problems, &advised));
    enum vggcl_err err =
        err_set(VGGCL_EDEVICE, "no OpenCL device on this machine%s%s", problems,
                advised ? ""
                        : "; on Debian or Ubuntu, install pocl-opencl-icd for any CPU, or nvidia-opencl-icd, "
                          "intel-opencl-icd or mesa-opencl-icd for a GPU (in a container, check that "
                          "/etc/OpenCL/vendors names the driver's library)");
    free(problems);
    return err;
}

/* option: where the selector comes from. The error also lists platforms without devices: the named device may belong to
 * one of them. */
static enum vggcl_err no_match(const struct vggcl_device *list, size_t count, const char *option,
                               const char *selector) {
    char known[1024] = "", *problems;
    size_t used = 0;
    bool advised;
    TRY(platforms_problems(&problems, &advised));
    for (size_t i = 0; i < count && used < sizeof known - 1; i++) {
        int wrote = snprintf(known + used, sizeof known - used, "%s%d:%d %s", i ? ", " : "", list[i].platform,
                             list[i].device, list[i].name);
        used += wrote > 0 ? (size_t)wrote : 0;
    }
    enum vggcl_err err =
        err_set(VGGCL_EDEVICE, "%s %s: no such OpenCL device; there are: %s%s", option, selector, known, problems);
    free(problems);
    return err;
}

/* Whether a selector is "P:D", which means the same device whatever the others are. */
static bool is_position(const char *selector) {
    unsigned platform, device;
    int end = 0;
    return selector && sscanf(selector, "%u:%u%n", &platform, &device, &end) == 2 && !selector[end];
}

static const char *or_default(const char *selector) {
    return selector && *selector ? selector : getenv("VGGCL_DEVICE");
}

/* Fails if the selected device cannot be used, or if another one that cannot may be meant. */
static enum vggcl_err check_problems(const struct vggcl_device *list, size_t count, size_t selected, bool by_position) {
    for (size_t i = 0; i < count; i++)
        if (*list[i].problem && (i == selected || !by_position))
            return err_set(VGGCL_EOPENCL,
                           "device %d:%d %s: cannot be used: %s; repair or remove this driver, or set device to the "
                           "position P:D of another one",
                           list[i].platform, list[i].device, list[i].name, list[i].problem);
    return VGGCL_OK;
}

enum vggcl_err vggcl_device_select(const struct vggcl_device *list, size_t count, const char *selector,
                                   size_t *position) {
    const char *option = selector && *selector ? "device" : "VGGCL_DEVICE";
    selector = or_default(selector);
    if (count == 0)
        return no_device();
    for (size_t i = 0; i < count; i++) {
        if (selector && *selector ? matches(&list[i], i, selector) : list[i].is_default) {
            *position = i;
            return check_problems(list, count, i, is_position(selector));
        }
    }
    return no_match(list, count, option, selector);
}

/* ------------------------------------------------------------------------------------------- selecting devices -- */

/* Whether a device can be partitioned by counts. Must be checked first: drivers without this may not implement
 * clCreateSubDevices() at all (rusticl). */
static bool can_be_cut(cl_device_id id) {
    cl_device_partition_property ways[16] = {0};
    if (clGetDeviceInfo(id, CL_DEVICE_PARTITION_PROPERTIES, sizeof ways, ways, NULL) != CL_SUCCESS)
        return false;
    for (int i = 0; i < 16; i++)
        if (ways[i] == CL_DEVICE_PARTITION_BY_COUNTS)
            return true;
    return false;
}

/* Partitions a device into sub-devices whose numbers of compute units differ by at most one. */
static enum vggcl_err cut(const char *selector, const struct vggcl_device *whole, cl_device_id id, unsigned parts,
                          struct selected *chosen) {
    cl_device_partition_property by_counts[VGGCL_DEVICES + 3] = {
        CL_DEVICE_PARTITION_BY_COUNTS}; /* the list of counts and the list of properties end with zeros */
    cl_device_id ids[VGGCL_DEVICES];
    unsigned units = whole->compute_units;
    if (parts > units)
        return err_set(VGGCL_EDEVICE, "device %s: %s has %u compute units, which is too few for %u parts", selector,
                       whole->name, units, parts);
    for (unsigned i = 0; i < parts; i++)
        by_counts[1 + i] = units * (i + 1) / parts - units * i / parts;
    cl_int code = can_be_cut(id) ? clCreateSubDevices(id, by_counts, parts, ids, NULL) : CL_INVALID_VALUE;
    if (code != CL_SUCCESS)
        return err_set(VGGCL_EDEVICE, "device %s: %s (driver %s) cannot be cut into parts: %s (%d); leave the /%u out",
                       selector, whole->name, whole->driver, cl_error_name(code), code, parts);
    for (unsigned i = 0; i < parts; i++) {
        chosen[i] = (struct selected){*whole, ids[i]};
        chosen[i].info.compute_units = (unsigned)by_counts[1 + i];
    }
    return VGGCL_OK;
}

/* Removes the suffix "/N" from a selector and sets *parts to N, or to 0 if there is no suffix. */
static enum vggcl_err take_parts(char *selector, unsigned *parts) {
    char *slash = strrchr(selector, '/');
    int end = 0;
    *parts = 0;
    if (!slash || sscanf(slash, "/%u%n", parts, &end) != 1 || slash[end])
        return VGGCL_OK;
    if (*parts < 1 || *parts > VGGCL_DEVICES)
        return err_set(VGGCL_EUSAGE, "device %s: a device is cut into 1 to %d parts", selector, VGGCL_DEVICES);
    *slash = '\0';
    return VGGCL_OK;
}

/* All devices, and which of them are selected already. */
struct choice {
    struct vggcl_device *list;
    cl_device_id *ids;
    size_t count;
    bool *taken;
    struct unlisted unlisted;
};

/* Without its devices it is not known which one a selector other than P:D means. */
static enum vggcl_err check_unlisted(const struct choice *c, const char *selector) {
    if (c->unlisted.code == CL_SUCCESS || is_position(or_default(selector)))
        return VGGCL_OK;
    return err_set(VGGCL_EOPENCL,
                   "platform %d: its driver does not list its devices: %s (%d); repair or remove this driver, or set "
                   "device to the position P:D of another one",
                   c->unlisted.platform, cl_error_name(c->unlisted.code), c->unlisted.code);
}

/* A device that is named twice would process two parts of a batch one after the other and store weights twice; micro-
 * batches do the same with less memory. Most likely the user meant another device. */
static enum vggcl_err named_twice(const char *selector, const struct vggcl_device *d) {
    return err_set(VGGCL_EUSAGE,
                   "device %s: is %d:%d %s, which is named already; name each device once (vggcl devices lists them), "
                   "or cut it into parts: %d:%d/2",
                   selector, d->platform, d->device, d->name, d->platform, d->device);
}

static enum vggcl_err select_one(const struct choice *c, const char *selector, struct selected *chosen, size_t *count) {
    char name[256];
    unsigned parts;
    size_t at;
    snprintf(name, sizeof name, "%s", selector);
    TRY(take_parts(name, &parts));
    TRY(check_unlisted(c, name));
    TRY(vggcl_device_select(c->list, c->count, name, &at));
    if (c->taken[at])
        return named_twice(selector, &c->list[at]);
    c->taken[at] = true;
    if (*count + (parts ? parts : 1) > VGGCL_DEVICES)
        return err_set(VGGCL_EUSAGE, "device %s: at most %d devices train together", selector, VGGCL_DEVICES);
    if (parts)
        TRY(cut(selector, &c->list[at], c->ids[at], parts, chosen + *count));
    else
        chosen[*count] = (struct selected){c->list[at], c->ids[at]};
    *count += parts ? parts : 1;
    return VGGCL_OK;
}

enum vggcl_err select_devices(const char *selectors, struct selected chosen[VGGCL_DEVICES], size_t *count) {
    enum vggcl_err err;
    struct choice c = {0};
    char selector[256];
    const char *at = selectors ? selectors : "";
    *count = 0;
    TRY_GOTO(select_list(&c.list, &c.ids, &c.count, &c.unlisted), done);
    c.taken = calloc(c.count + 1, sizeof *c.taken);
    if (!c.taken) {
        err = err_no_memory("the list of devices", c.count + 1);
        goto done;
    }
    for (bool more = true; more; at++) {
        size_t length = strcspn(at, ",");
        snprintf(selector, sizeof selector, "%.*s", (int)length, at);
        at += length;
        more = *at;
        TRY_GOTO(select_one(&c, selector, chosen, count), done);
    }
done:
    while (err != VGGCL_OK && *count > 0)
        clReleaseDevice(chosen[--*count].id);
    free(c.list);
    free(c.ids);
    free(c.taken);
    return err;
}
