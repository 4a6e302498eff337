/* Errors when there is no device: no driver is installed, a driver does not load or finds no hardware, PoCL has no
 * cache folder, Mesa's rusticl hides its devices. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cl/platforms.h"
#include "program.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STUB  "OCL_ICD_VENDORS=stub "
#define POCL  "OCL_ICD_VENDORS=pocl "
#define BENCH "bench --model vgg11 --width 0.0625 --batch 8"

/* The folders of .icd files, in the test's own folder. */
static int make_vendors(void **state) {
    if (make_folder(state) != 0)
        return -1;
    return vggcl(
        "version && mkdir none stale stub pocl both && echo libpocl.so.0 >stale/pocl.icd && "
        "echo %s >stub/stub.icd && cp $(grep -il pocl -r ${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}) pocl/pocl.icd "
        "&& cp stub/stub.icd pocl/pocl.icd both",
        VGGCL_STUB_ICD);
}

/* Runs vggcl with the arguments of env(1): "-u A B=C". */
static int with(const char *variables, const char *words) {
    return vggcl("version >/dev/null; env %s %s %s", variables, VGGCL_PROGRAM, words);
}

/* That commands fail for want of a device, `devices` after it has listed the problem; with a text in their errors. */
static void assert_none(const char *variables, const char *problem, const char *text) {
    assert_int_equal(with(variables, "devices"), 6);
    assert_says(problem);
    char *error = strstr(output, "vggcl: error: no OpenCL device");
    assert_non_null(error);
    assert_non_null(strstr(error, text));
    assert_int_equal(with(variables, BENCH), 6);
    assert_says("vggcl: error: no OpenCL device");
    assert_says(problem);
    assert_says(text);
}

static void no_driver(void **state) {
    (void)state;
    assert_none("OCL_ICD_VENDORS=none", "no OpenCL driver is registered in none", "pocl-opencl-icd");
    assert_int_equal(with("OCL_ICD_VENDORS=none", "devices --json 2>errors; exit $?"), 6);
    json_t *all = json_loads(output, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 0);
    assert_int_equal(json_array_size(json_object_get(all, "platforms")), 0);
    assert_true(json_is_array(json_object_get(all, "platforms")));
    json_decref(all);
}

/* What a removed package leaves behind. */
static void stale_file(void **state) {
    (void)state;
    static const char *const ways[] = {"OCL_ICD_VENDORS=stale", "OCL_ICD_VENDORS=stale/pocl.icd"};
    for (int i = 0; i < 2; i++) {
        assert_none(ways[i], "stale/pocl.icd: the driver libpocl.so.0 does not load (libpocl.so.0: cannot open shared",
                    "apt-get install --reinstall pocl-opencl-icd, or remove stale/pocl.icd");
    }
    assert_none("OCL_ICD_VENDORS=nowhere", "OCL_ICD_VENDORS: the driver nowhere does not load",
                "correct OCL_ICD_VENDORS");
    assert_none("OCL_ICD_VENDORS=none OCL_ICD_FILENAMES=a.so:b.so", "OCL_ICD_FILENAMES: the driver b.so does not load",
                "the driver a.so");
    assert_int_equal(with("OCL_ICD_VENDORS=stale", "devices --json 2>errors; exit $?"), 6);
    json_t *all = json_loads(output, 0, NULL), *p = json_array_get(json_object_get(all, "platforms"), 0);
    assert_true(json_is_null(json_object_get(p, "index")));
    assert_string_equal(json_string_value(json_object_get(p, "file")), "stale/pocl.icd");
    assert_string_equal(json_string_value(json_object_get(p, "library")), "libpocl.so.0");
    json_decref(all);
}

/* As drivers of vendors do on a machine without their hardware. */
static void no_hardware(void **state) {
    (void)state;
    assert_none(STUB "VGGCL_STUB=no-platform", "loads but provides no platform", "install pocl-opencl-icd");
    assert_none(STUB "VGGCL_STUB=no-device", "platform 0, stub platform, has no devices (CL_DEVICE_NOT_FOUND)",
                "install pocl-opencl-icd");
    assert_int_equal(with(STUB "VGGCL_STUB=no-device", "devices --json 2>errors; exit $?"), 6);
    json_t *all = json_loads(output, 0, NULL), *p = json_array_get(json_object_get(all, "platforms"), 0);
    assert_int_equal(json_integer_value(json_object_get(p, "index")), 0);
    assert_string_equal(json_string_value(json_object_get(p, "name")), "stub platform");
    assert_string_equal(json_string_value(json_object_get(p, "version")), "OpenCL 1.2 stub");
    assert_int_equal(json_integer_value(json_object_get(p, "devices")), 0);
    assert_non_null(strstr(json_string_value(json_object_get(p, "problem")), "CL_DEVICE_NOT_FOUND"));
    assert_true(json_is_null(json_object_get(p, "file")));
    json_decref(all);
}

/* A device whose driver does not answer is listed, and is an error; another one is taken by its position only. */
static void mute_device(void **state) {
    (void)state;
    static const char problem[] =
        "its driver answers the query CL_DEVICE_MAX_COMPUTE_UNITS with CL_OUT_OF_RESOURCES (-5)";
    assert_int_equal(with(STUB "VGGCL_STUB=mute", "devices"), 1);
    assert_says("0:0");
    assert_says("vggcl: error: device 0:0 cannot be used: ");
    assert_says(problem);
    assert_int_equal(with(STUB "VGGCL_STUB=mute", "devices --json 2>errors; exit $?"), 1);
    json_t *all = json_loads(output, 0, NULL), *d = json_array_get(json_object_get(all, "devices"), 0);
    assert_string_equal(json_string_value(json_object_get(d, "problem")), problem);
    json_decref(all);
    assert_int_equal(with(STUB "VGGCL_STUB=mute", BENCH), 1);
    assert_says("vggcl: error: device 0:0 stub <b>&\"device\": cannot be used: ");
    assert_int_equal(with("OCL_ICD_VENDORS=both VGGCL_STUB=mute", "plan --data synthetic"), 1);
    assert_says(problem);
    assert_int_equal(with("OCL_ICD_VENDORS=both VGGCL_STUB=mute",
                          "devices 2>errors | sed -n 's/.* \\([0-9]:[0-9]\\) .*(Portable.*/\\1/p'"),
                     0);
    char selector[8];
    snprintf(selector, sizeof selector, "%.3s", output);
    assert_int_equal(vggcl("version >/dev/null; env OCL_ICD_VENDORS=both VGGCL_STUB=mute %s plan --data synthetic "
                           "--device %s",
                           VGGCL_PROGRAM, selector),
                     0);
}

/* A number that a driver gives as 0 is unknown, and printed as that. */
static void unknown_numbers(void **state) {
    (void)state;
    assert_int_equal(with(STUB "VGGCL_STUB=no-clock", "devices --verbose"), 0);
    assert_says("units         1024; work-groups of up to 1024\n");
    assert_null(strstr(output, "MHz"));
    assert_int_equal(with(STUB "VGGCL_STUB=no-clock", "devices --json"), 0);
    json_t *all = json_loads(output, 0, NULL), *d = json_array_get(json_object_get(all, "devices"), 0);
    assert_true(json_is_null(json_object_get(d, "clock_mhz")));
    assert_int_equal(json_integer_value(json_object_get(d, "compute_units")), 1024);
    json_decref(all);
    assert_int_equal(with(STUB "VGGCL_STUB=other", "devices --verbose"), 0);
    assert_says("units         1024 at 1024 MHz; work-groups of up to 1024\n");
    assert_int_equal(with(STUB "VGGCL_STUB=mute", "devices --json 2>errors; exit $?"), 1);
    all = json_loads(output, 0, NULL);
    d = json_array_get(json_object_get(all, "devices"), 0);
    assert_true(json_is_null(json_object_get(d, "memory_bytes")));
    json_decref(all);
}

/* The user of a container or a service may have no home folder. */
static void pocl_without_home(void **state) {
    (void)state;
    assert_none("-u POCL_CACHE_DIR -u XDG_CACHE_HOME " POCL "HOME=/proc/none", "has no devices (CL_DEVICE_NOT_FOUND)",
                "cannot make its cache folder /proc/none/.cache/pocl/kcache; name one");
    assert_says("export POCL_CACHE_DIR=");
    assert_null(strstr(output, "pocl-opencl-icd"));
    assert_none(POCL "POCL_CACHE_DIR=/proc/none", "has no devices",
                "cannot make its cache folder /proc/none; name one");
    assert_none("-u POCL_CACHE_DIR " POCL "XDG_CACHE_HOME=/proc/none", "has no devices",
                " /proc/none/pocl/kcache; name one");
    assert_none(POCL "POCL_CACHE_DIR=kcache POCL_DEVICES=nothing", "has no devices", "unset POCL_DEVICES");
    assert_int_equal(with(POCL "HOME=/proc/none POCL_CACHE_DIR=kcache", "devices"), 0);
    assert_null(strstr(output, "Without devices"));
}

/* A GPU that rusticl hides, with and without another device. */
static void rusticl(void **state) {
    (void)state;
    assert_none("-u RUSTICL_ENABLE " STUB "VGGCL_STUB=no-device VGGCL_STUB_NAME=rusticl",
                "platform 0, rusticl, has no devices", "export RUSTICL_ENABLE=");
    assert_none(STUB "VGGCL_STUB=no-device VGGCL_STUB_NAME=rusticl RUSTICL_ENABLE=geforce", "platform 0, rusticl",
                "RUSTICL_ENABLE=geforce names no Mesa driver");
    static const char both[] = "-u RUSTICL_ENABLE OCL_ICD_VENDORS=both VGGCL_STUB=no-device VGGCL_STUB_NAME=rusticl";
    assert_int_equal(with(both, "devices"), 0);
    assert_says("Without devices:");
    assert_says("platform 1, rusticl, has no devices (CL_DEVICE_NOT_FOUND)\n      version: OpenCL 1.2 stub\n");
    assert_int_equal(with(both, BENCH " --device gpu"), 6);
    assert_says("device gpu: no such OpenCL device; there are: 0:0 ");
    assert_says("; platform 1, rusticl, has no devices (CL_DEVICE_NOT_FOUND): ");
    assert_says("export RUSTICL_ENABLE=");
}

/* As the kernel's folder /sys/class/drm is. */
static void mesa_driver(void **state) {
    (void)state;
    char drm[128];
    snprintf(drm, sizeof drm, "%s/drm", folder);
    assert_null(platforms_mesa_driver(drm));
    assert_int_equal(vggcl("version && mkdir -p drm/renderD128/device drm/renderD129/device && "
                           "ln -s ../../bus/pci/drivers/nvidia drm/renderD128/device/driver"),
                     0);
    assert_null(platforms_mesa_driver(drm));
    assert_int_equal(vggcl("version && ln -s ../../bus/pci/drivers/amdgpu drm/renderD129/device/driver"), 0);
    assert_string_equal(platforms_mesa_driver(drm), "radeonsi");
}

int main(void) {
    unsetenv("OCL_ICD_FILENAMES");
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_driver),       cmocka_unit_test(stale_file),
                                       cmocka_unit_test(no_hardware),     cmocka_unit_test(mute_device),
                                       cmocka_unit_test(unknown_numbers), cmocka_unit_test(pocl_without_home),
                                       cmocka_unit_test(rusticl),         cmocka_unit_test(mesa_driver)};
    return cmocka_run_group_tests(tests, make_vendors, remove_folder);
}
