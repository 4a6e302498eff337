#define _GNU_SOURCE /* strcasestr */
#include "cl/platforms.h"
#include "base/activity.h"
#include "base/file.h"
#include "base/text.h"

#include <CL/cl_ext.h>
#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DRIVERS = 64 }; /* maximum number of drivers examined; further ones are ignored */

struct found {
    struct vggcl_platform *list;
    size_t count, room;
};

/* ------------------------------------------------------------------------------------------- advice -- */

/* PoCL lists no devices if it cannot create its cache folder for compiled kernels. Finds that folder by PoCL's rules
 * and tries to create it. */
static bool pocl_has_cache(char folder[VGGCL_PATH_MAX]) {
    const char *own = getenv("POCL_CACHE_DIR"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *kept = err_keep();
    if (own)
        snprintf(folder, VGGCL_PATH_MAX, "%s", own);
    else if (caches && *caches)
        snprintf(folder, VGGCL_PATH_MAX, "%s/pocl/kcache", caches);
    else
        snprintf(folder, VGGCL_PATH_MAX, "%s%s/pocl/kcache", home ? home : "/tmp", home ? "/.cache" : "");
    bool made = file_make_folder(folder) == VGGCL_OK;
    err_put_back(kept);
    return made;
}

static void advise_pocl(char *text, size_t size) {
    const char *devices = getenv("POCL_DEVICES");
    char folder[VGGCL_PATH_MAX];
    if (!pocl_has_cache(folder))
        snprintf(text, size,
                 "PoCL cannot make its cache folder %s; name one that this user can write to, for example with: "
                 "export POCL_CACHE_DIR=$(mktemp -d)",
                 folder);
    else if (devices)
        snprintf(text, size, "POCL_DEVICES=%s names no device that PoCL has; type: unset POCL_DEVICES", devices);
    else
        snprintf(text, size, "PoCL says why with: POCL_DEBUG=err vggcl devices");
}

/* The Mesa driver for a Linux kernel driver; NULL if unknown. */
static const char *mesa_driver(const char *kernel) {
    static const char *const names[][2] = {{"amdgpu", "radeonsi"}, {"i915", "iris"},         {"xe", "iris"},
                                           {"nouveau", "nouveau"}, {"panfrost", "panfrost"}, {"panthor", "panfrost"},
                                           {"asahi", "asahi"},     {"msm", "freedreno"},     {"v3d", "v3d"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(kernel, names[i][0]) == 0)
            return names[i][1];
    return NULL;
}

const char *platforms_mesa_driver(const char *drm) {
    char path[VGGCL_PATH_MAX], target[256];
    const char *found = NULL;
    glob_t links = {0};
    snprintf(path, sizeof path, "%s/renderD*/device/driver", drm);
    glob(path, 0, NULL, &links);
    for (size_t i = 0; !found && i < links.gl_pathc; i++) {
        ssize_t length = readlink(links.gl_pathv[i], target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        const char *slash = strrchr(target, '/');
        found = mesa_driver(slash ? slash + 1 : target);
    }
    globfree(&links);
    return found;
}

static void advise_rusticl(char *text, size_t size) {
    const char *now = getenv("RUSTICL_ENABLE"), *driver = platforms_mesa_driver("/sys/class/drm");
    if (now && *now)
        snprintf(
            text, size,
            "RUSTICL_ENABLE=%s names no Mesa driver that finds a device; see that the name is right (radeonsi, iris, "
            "nouveau, llvmpipe) and that this user can read and write /dev/dri/renderD* (group render)",
            now);
    else if (driver)
        snprintf(text, size, "this machine's GPU is hidden until you type: export RUSTICL_ENABLE=%s", driver);
    else
        snprintf(text, size,
                 "its devices are hidden until RUSTICL_ENABLE names their Mesa driver; type: export "
                 "RUSTICL_ENABLE=radeonsi for an AMD GPU, iris for Intel, nouveau for NVIDIA, llvmpipe for the CPU");
}

static const struct driver {
    const char *platform, *library; /* substrings of the platform's name and of the library's file name */
    const char *package;            /* Debian package */
    void (*advise)(char *text, size_t size);
} drivers[] = {{"Portable Computing Language", "pocl", "pocl-opencl-icd", advise_pocl},
               {"rusticl", "rusticl", "mesa-opencl-icd", advise_rusticl},
               {"Clover", "MesaOpenCL", "mesa-opencl-icd", NULL},
               {"NVIDIA", "nvidia-opencl", "nvidia-opencl-icd", NULL},
               {"Intel", "igdrcl", "intel-opencl-icd", NULL}};
enum { KNOWN = sizeof drivers / sizeof *drivers };

static void advise_platform(struct vggcl_platform *p) {
    for (size_t i = 0; i < KNOWN; i++)
        if (drivers[i].advise && strcasestr(p->name, drivers[i].platform))
            drivers[i].advise(p->advice, sizeof p->advice);
}

static bool ends_in_icd(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".icd") == 0;
}

/* The library is named by an .icd file, which the user can remove, or by an environment variable, which the user can
 * correct. */
static void advise_library(struct vggcl_platform *p) {
    const char *package = NULL;
    for (size_t i = 0; i < KNOWN; i++)
        if (strcasestr(p->library, drivers[i].library))
            package = drivers[i].package;
    text_print(p->advice, sizeof p->advice, "install the driver again%s%s, or %s %s",
               package ? ", on Debian or Ubuntu with: apt-get install --reinstall " : "", package ? package : "",
               ends_in_icd(p->file) ? "remove" : "correct", p->file);
}

/* ------------------------------------------------------------------------------------------------- the platforms -- */

cl_uint platforms_ids(cl_platform_id ids[PLATFORMS]) {
    cl_uint count = 0;
    /* OpenCL reports an error if there is no platform; here the list is empty then. */
    activity_begin("loading the drivers", "", false);
    cl_int code = clGetPlatformIDs(PLATFORMS, ids, &count);
    activity_end();
    if (code != CL_SUCCESS)
        return 0;
    return count < PLATFORMS ? count : PLATFORMS;
}

/* A text that the driver does not give is the error's name: it is only shown. */
static void platform_text(cl_platform_id id, cl_platform_info what, char *text, size_t size) {
    char found[1024] = "";
    cl_int code = clGetPlatformInfo(id, what, sizeof found - 1, found, NULL);
    snprintf(text, size, "%s", code == CL_SUCCESS ? found : cl_error_name(code));
}

static void describe(cl_platform_id id, struct vggcl_platform *p) {
    cl_uint count = 0;
    platform_text(id, CL_PLATFORM_NAME, p->name, sizeof p->name);
    platform_text(id, CL_PLATFORM_VERSION, p->version, sizeof p->version);
    activity_begin("listing the devices", p->name, false);
    cl_int code = clGetDeviceIDs(id, CL_DEVICE_TYPE_ALL, 0, NULL, &count);
    activity_end();
    p->devices = code == CL_SUCCESS ? count : 0;
    if (p->devices)
        return;
    text_print(p->problem, sizeof p->problem, "platform %d, %s, has no devices (%s)", p->platform, p->name,
               cl_error_name(code));
    advise_platform(p);
}

/* ----------------------------------------------------------------------------- drivers without a platform -- */

/* The number of platforms of a loaded driver, queried as the ICD loader does it. */
static cl_uint platform_count(void *library) {
    union { /* ISO C does not allow a cast from void * to a function pointer */
        void *address;
        void *(*function)(const char *name);
        clIcdGetPlatformIDsKHR_fn ids;
    } get = {dlsym(library, "clGetExtensionFunctionAddress")};
    cl_uint count = 0;
    if (get.address)
        get.address = get.function("clIcdGetPlatformIDsKHR");
    return get.address && get.ids(0, NULL, &count) == CL_SUCCESS ? count : 0;
}

static bool is_loaded(const char *library) {
    void *loaded = dlopen(library, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    if (loaded)
        dlclose(loaded);
    return loaded;
}

/* Returns whether a driver provides no platform, and sets p->problem. A library that the ICD loader has loaded is only
 * looked up (RTLD_NOLOAD), so that no driver is initialised twice. */
static bool find_problem(struct vggcl_platform *p) {
    activity_begin("loading the driver", p->library, false);
    void *loaded = dlopen(p->library, RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    cl_uint count = loaded ? platform_count(loaded) : 0;
    if (!loaded)
        loaded = dlopen(p->library, RTLD_LAZY | RTLD_LOCAL);
    const char *why = loaded ? NULL : dlerror();
    if (loaded)
        dlclose(loaded);
    activity_end();
    if (why) {
        text_print(p->problem, sizeof p->problem, "%s: the driver %s does not load (%s)", p->file, p->library, why);
        advise_library(p);
    } else if (count == 0)
        text_print(
            p->problem, sizeof p->problem,
            "%s: the driver %s loads but provides no platform (most likely it finds no hardware that it supports)",
            p->file, p->library);
    return count == 0;
}

/* f->list has `platforms` platforms, then the drivers: removes the drivers that provide a platform. If there are
 * platforms but no driver is loaded, the platforms come from a replacement of the ICD loader that does not read .icd
 * files, such as Oclgrind. Then all drivers are removed without loading them, because two copies of LLVM in one process
 * may crash. */
static void keep_faulty_drivers(struct found *f, size_t platforms) {
    bool by_loader = platforms == 0;
    size_t kept = platforms;
    for (size_t i = platforms; i < f->count; i++)
        by_loader |= is_loaded(f->list[i].library);
    for (size_t i = platforms; by_loader && i < f->count; i++)
        if (find_problem(&f->list[i]))
            f->list[kept++] = f->list[i];
    f->count = kept;
}

/* Adds a driver; file is the .icd file or the environment variable that names its library. */
static void add_library(struct found *f, const char *file, const char *library) {
    if (f->count == f->room)
        return;
    struct vggcl_platform *p = &f->list[f->count++];
    p->platform = -1;
    snprintf(p->file, sizeof p->file, "%s", file);
    snprintf(p->library, sizeof p->library, "%s", library);
}

/* Adds the driver whose library is named in the first line of an .icd file. */
static void add_file(struct found *f, const char *path) {
    char line[VGGCL_PATH_MAX] = "";
    FILE *file;
    uint64_t size;
    char *kept = err_keep();
    file_open(path, &file, &size);
    err_put_back(kept);
    if (file && fgets(line, sizeof line, file))
        line[strcspn(line, "\n")] = '\0';
    if (file)
        fclose(file);
    if (*line)
        add_library(f, path, line);
}

static void add_folder(struct found *f, const char *folder) {
    char pattern[VGGCL_PATH_MAX];
    glob_t files = {0};
    snprintf(pattern, sizeof pattern, "%s/*.icd", folder);
    glob(pattern, 0, NULL, &files);
    for (size_t i = 0; i < files.gl_pathc; i++)
        add_file(f, files.gl_pathv[i]);
    globfree(&files);
}

/* Adds a colon-separated list of libraries, which Khronos's ICD loader loads in addition to the .icd files. */
static void add_libraries(struct found *f, const char *names) {
    char library[VGGCL_PATH_MAX];
    for (size_t length; *names; names += length + (names[length] == ':')) {
        length = strcspn(names, ":");
        snprintf(library, sizeof library, "%.*s", (int)length, names);
        if (*library)
            add_library(f, "OCL_ICD_FILENAMES", library);
    }
}

static const char *vendors_folder(void) {
    const char *folder = getenv("OPENCL_VENDOR_PATH"); /* used by ocl-icd only */
    return folder && *folder ? folder : "/etc/OpenCL/vendors";
}

/* Adds what OCL_ICD_VENDORS names: a folder; with ocl-icd also an .icd file, looked up in the default folder first, or
 * a library. */
static void add_named(struct found *f, const char *name) {
    char path[VGGCL_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", vendors_folder(), name);
    if (file_is_folder(name))
        add_folder(f, name);
    else if (!ends_in_icd(name))
        add_library(f, "OCL_ICD_VENDORS", name);
    else
        add_file(f, strchr(name, '/') || access(path, R_OK) != 0 ? name : path);
}

static void add_drivers(struct found *f) {
    const char *named = getenv("OCL_ICD_VENDORS"), *libraries = getenv("OCL_ICD_FILENAMES");
    if (named && *named)
        add_named(f, named);
    else
        add_folder(f, vendors_folder());
    if (libraries)
        add_libraries(f, libraries);
}

/* ---------------------------------------------------------------------------------------------------- platforms and
 * drivers -- */

enum vggcl_err vggcl_platforms(struct vggcl_platform **list, size_t *count) {
    cl_platform_id ids[PLATFORMS];
    struct found f = {.room = PLATFORMS + DRIVERS};
    *list = NULL;
    *count = 0;
    f.list = calloc(f.room, sizeof *f.list);
    if (!f.list)
        return err_no_memory("the list of platforms", f.room * sizeof *f.list);
    for (cl_uint i = 0, platforms = platforms_ids(ids); i < platforms; i++) {
        f.list[f.count].platform = (int)i;
        describe(ids[i], &f.list[f.count++]);
    }
    size_t platforms = f.count;
    add_drivers(&f);
    keep_faulty_drivers(&f, platforms);
    *list = f.list;
    *count = f.count;
    return VGGCL_OK;
}

enum vggcl_err platforms_problems(char **text, bool *advised) {
    struct vggcl_platform *list;
    size_t count, size;
    TRY(vggcl_platforms(&list, &count));
    const char *named = getenv("OCL_ICD_VENDORS");
    FILE *stream = open_memstream(text, &size);
    *advised = false;
    if (stream && count == 0)
        fprintf(stream, "; no OpenCL driver is registered in %s", named && *named ? named : vendors_folder());
    for (size_t i = 0; stream && i < count; i++) {
        const struct vggcl_platform *p = &list[i];
        if (*p->problem)
            fprintf(stream, "; %s%s%s", p->problem, *p->advice ? ": " : "", p->advice);
        *advised |= *p->advice != '\0';
    }
    free(list);
    return stream && fclose(stream) == 0 ? VGGCL_OK : err_no_memory("an error's text", 0);
}

void vggcl_platforms_free(struct vggcl_platform *list) {
    free(list);
}
