/* vggcl compare, on PoCL and on Mesa's rusticl: correct devices, one that gives wrong results, drivers that crash or
 * hang, records read from files, and the HTML page in a browser. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One convolution algorithm, that Mesa compiles in a short time: ci/checkers.sh rusticl tests all of them. */
#define SMALL "--model vgg11 --width 0.03125 --batch 4 --conv im2col --gemm tiled --steps 3"

static void shell(const char *format, ...) {
    char line[2048], all[2200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    snprintf(all, sizeof all, "cd %s && { %s; }", folder, line);
    if (system(all) != 0)
        fail_msg("%s: failed", line);
}

/* A folder of drivers with the present ones, which are PoCL's, and others; VGGCL_STUB makes the stub's device hang. */
static void use_drivers(bool rusticl, bool stub) {
    static char *before;
    const char *present = getenv("OCL_ICD_VENDORS");
    char path[128];
    if (!before)
        before = strdup(present ? present : "/etc/OpenCL/vendors");
    shell("rm -rf drivers; mkdir drivers; cp $(grep -il pocl -r '%s') drivers/pocl.icd", before);
    if (rusticl)
        shell("echo libRusticlOpenCL.so.1 >drivers/rusticl.icd");
    if (stub)
        shell("echo %s >drivers/stub.icd", VGGCL_STUB_ICD);
    snprintf(path, sizeof path, "%s/drivers", folder);
    setenv("OCL_ICD_VENDORS", path, 1);
}

static json_t *read_records(const char *file) {
    char path[128];
    json_error_t error;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    json_t *all = json_load_file(path, 0, &error);
    if (!all)
        fail_msg("%s: %s", file, error.text);
    return all;
}

/* The record of the device whose platform's name has a part. */
static json_t *record_of(const json_t *all, const char *platform) {
    size_t i;
    json_t *record;
    json_array_foreach(json_object_get(all, "devices"), i, record) {
        const char *name = json_string_value(json_object_get(json_object_get(record, "device"), "platform"));
        if (strcasestr(name, platform))
            return record;
    }
    fail_msg("there is no record of %s", platform);
    return NULL;
}

static void assert_status(const json_t *record, const char *status) {
    assert_string_equal(json_string_value(json_object_get(record, "status")), status);
}

static double number_of(const json_t *object, const char *key) {
    assert_true(json_is_number(json_object_get(object, key)));
    return json_number_value(json_object_get(object, key));
}

/* All that a record of a device that is right has. */
static void assert_complete(const json_t *record, bool others_right) {
    const json_t *check = json_object_get(record, "selfcheck"), *losses = json_object_get(record, "losses");
    const json_t *bench = json_object_get(record, "benchmark");
    assert_status(record, "passed");
    assert_int_equal(json_array_size(json_object_get(record, "faults")), 0);
    assert_true(number_of(check, "checks") > 50);
    assert_true(number_of(check, "failures") == 0);
    assert_true(number_of(check, "worst") > 0 && number_of(check, "worst") <= 1);
    for (size_t i = 0; i < 3; i++) {
        double device = json_number_value(json_array_get(json_object_get(losses, "device"), i));
        double reference = json_number_value(json_array_get(json_object_get(losses, "reference"), i));
        double tolerance = json_number_value(json_array_get(json_object_get(losses, "tolerance"), i));
        assert_true(fabs(device - reference) <= tolerance && tolerance < 1e-3 && reference > 1);
        /* Only where the other device is right, too. */
        if (others_right)
            assert_true(json_number_value(json_array_get(json_object_get(losses, "from_others"), i)) <= 2 * tolerance);
    }
    assert_true(number_of(bench, "train_images_per_s") > 0 && number_of(bench, "eval_images_per_s") > 0);
    assert_true(number_of(bench, "peak_flops_per_s") > 0 && number_of(bench, "copy_bytes_per_s") > 0);
    assert_true(number_of(bench, "flops_share") > 0 && number_of(bench, "bytes_share") > 0);
    assert_true(number_of(bench, "device_bytes") > 0);
    assert_int_equal(json_array_size(json_object_get(bench, "layers")), 20);
    assert_true(number_of(record, "cold_start_s") > number_of(record, "warm_start_s"));
}

/* What the browser makes of a page, in output. */
static void show(const char *page) {
    if (system("command -v chromium >/dev/null") != 0)
        fail_msg("there is no chromium to show the page: ci/packages.sh test installs it");
    char line[512];
    snprintf(line, sizeof line,
             "timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir=%s/browser --dump-dom "
             "file://%s/%s 2>/dev/null",
             folder, folder, page);
    FILE *stream = popen(line, "r");
    assert_non_null(stream);
    output[fread(output, 1, sizeof output - 1, stream)] = '\0';
    assert_int_equal(pclose(stream), 0);
}

static int count_of(const char *part) {
    int count = 0;
    for (const char *at = output; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* The stub crashes, PoCL is right. */
static void one_crashing(void **state) {
    (void)state;
    use_drivers(false, true);
    assert_int_equal(vggcl("compare --all --quick --json --html r.html " SMALL " 2>errors >crash.json; exit $?"), 4);
    json_t *all = read_records("crash.json"), *stub = record_of(all, "stub");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 2);
    assert_complete(record_of(all, "Portable"), false);
    assert_status(stub, "crashed");
    assert_string_equal(json_string_value(json_object_get(stub, "error")),
                        "cold start: killed by SIGSEGV (Segmentation fault)");
    json_decref(all);
    shell("grep -q '  first losses  ' errors && grep -q 'stub <b>.*killed by SIGSEGV' errors");

    show("r.html");
    assert_int_equal(count_of("<td class=\"crashed\">crashed</td>"), 1);
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 1);
    assert_says("stub &lt;b&gt;&amp;\"device\"</span>");
}

static void rusticl_right(void **state) {
    (void)state;
    use_drivers(true, false);
    vggcl("devices");
    if (!strstr(output, "rusticl"))
        fail_msg("there is no rusticl: ci/packages.sh test installs it (mesa-opencl-icd)");
    assert_int_equal(vggcl("compare --all --quick --json --html r.html " SMALL " 2>errors >both.json; exit $?"), 0);
    json_t *all = read_records("both.json");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 2);
    assert_complete(record_of(all, "Portable"), true);
    assert_complete(record_of(all, "rusticl"), true);
    json_decref(all);
    shell("grep -q '  first losses  ' errors");

    show("r.html");
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 2);
    assert_int_equal(count_of("class=\"loss\""), 3 + 4); /* two devices, the reference; and two tolerances */
    assert_int_equal(count_of("class=\"bar\""), 2 * 20 * 3);
}

/* The kernel multiplies wrong through rusticl alone, the stub crashes, PoCL is right. */
static void rusticl_wrong(void **state) {
    (void)state;
    use_drivers(true, true);
    shell(
        "rm -rf kernels; cp -r %s/cl kernels; sed -i 's/k < DEPTH; k++/k < DEPTH - WRONG; k++/' kernels/gemm_local.cl",
        VGGCL_SOURCE_DIR);
    shell("! cmp -s kernels/gemm_local.cl %s/cl/gemm_local.cl", VGGCL_SOURCE_DIR);
    shell("printf '#ifdef POCL_DEVICE_ADDRESS_BITS\\n#define WRONG 0\\n#else\\n#define WRONG 1\\n#endif\\n' >wrong");
    shell("cat kernels/gemm_local.cl >>wrong; mv wrong kernels/gemm_local.cl");
    assert_int_equal(vggcl("compare --all --quick --kernel-dir kernels --html r.html --json --against both.json " SMALL
                           " 2>errors >three.json; exit $?"),
                     1);
    json_t *all = read_records("three.json"), *rusticl = record_of(all, "rusticl"), *stub = record_of(all, "stub");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 3 + 2);
    assert_complete(record_of(all, "Portable"), false);
    assert_status(rusticl, "wrong");
    assert_true(number_of(json_object_get(rusticl, "selfcheck"), "failures") > 0);
    assert_int_equal(json_array_size(json_object_get(rusticl, "faults")), 2); /* an operator, and a loss */
    assert_status(stub, "crashed");
    assert_string_equal(json_string_value(json_object_get(stub, "error")),
                        "cold start: killed by SIGSEGV (Segmentation fault)");
    json_decref(all);
    shell("grep -q '^vggcl: error: 2 of 3 devices failed or gave wrong results: .*llvmpipe.*: gives wrong results: .*"
          "(gemm_local/gemm_local)' errors && grep -q 'stub <b>.*killed by SIGSEGV' errors");

    show("r.html");
    assert_int_equal(count_of("<td class=\"crashed\">crashed</td>"), 1);
    assert_int_equal(count_of("<td class=\"wrong\">wrong</td>"), 1);
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 1 + 2);
    assert_says("stub &lt;b&gt;&amp;\"device\"</span>");
    assert_says("both.json</small>");
}

static void hanging(void **state) {
    (void)state;
    use_drivers(false, true);
    setenv("VGGCL_STUB", "hang", 1);
    int status = vggcl("compare --device stub --timeout 1 " SMALL);
    unsetenv("VGGCL_STUB");
    assert_int_equal(status, 4);
    assert_says(" hung ");
    assert_says("cold start: hangs: not done within 1 s");
    /* The live line fits the terminal. */
    assert_int_equal(vggcl_on_terminal(40, 40, "compare --device stub " SMALL), 4);
    assert_in_range(widest_line(output, "1/1  cold start"), 1, 39);
}

/* An earlier record may say anything: it is text, on the terminal and on the page. */
static void hostile_record(void **state) {
    (void)state;
    use_drivers(false, true);
    shell("printf '%%s' '{\"devices\": [{\"device\": {\"name\": \"</script><script>document.body.id = "
          "\\\"owned\\\"</script>"
          "<!--<script>\\u001b[2J\"}, \"status\": \"passed\", \"losses\": {\"device\": \"none\", \"network\": 7}, "
          "\"benchmark\": [1], \"faults\": {}}]}' >hostile.json");
    assert_int_equal(vggcl("compare --device stub --against hostile.json --html h.html " SMALL), 4);
    assert_null(strchr(output, '\033'));
    show("h.html");
    assert_null(strstr(output, "id=\"owned\""));
    assert_int_equal(count_of("<td class=\"crashed\">crashed</td>"), 1);
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 1);
}

/* Stopped while the second of two hanging devices is measured: the first row is complete, the second is marked, and
 * nothing is left in the folder for temporary files. */
static void interrupted(void **state) {
    (void)state;
    assert_int_equal(
        vggcl("version >/dev/null; { mkdir tmp stubs; for i in 1 2; do cp %s stubs/$i.so; echo $PWD/stubs/$i.so "
              ">stubs/$i.icd; done; TMPDIR=$PWD/tmp OCL_ICD_VENDORS=stubs VGGCL_STUB=hang env --default-signal=INT %s "
              "compare --all --timeout 2 --json --html i.html " SMALL " >i.json 2>i.log & run=$!; "
              "until grep -q '^2/2 ' i.log; do sleep 0.1; done; kill -INT $run; wait $run; echo status $?; cat i.log; "
              "ls tmp; grep '\"interrupted\"' i.html; }",
              VGGCL_STUB_ICD, VGGCL_PROGRAM),
        0);
    assert_says("status 130\n");
    assert_says("vggcl: SIGINT: stopping; what is measured is printed\n");
    assert_null(strstr(output, "vggcl-"));
    json_t *all = read_records("i.json"), *devices = json_object_get(all, "devices");
    assert_true(json_is_true(json_object_get(all, "interrupted")));
    assert_int_equal(json_array_size(devices), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(devices, 0), "status")), "hung");
    assert_string_equal(json_string_value(json_object_get(json_array_get(devices, 1), "status")), "interrupted");
    json_decref(all);
}

static void bad_input(void **state) {
    (void)state;
    use_drivers(false, true);
    static const struct {
        const char *file, *text, *error;
    } cases[] = {
        {"empty.json", "", "--against empty.json: line 1, column 0: is not valid JSON: "},
        {"half.json", "{\"devices\": [{\"device\"", "--against half.json: line 1, column 22: is not valid JSON: "},
        {"other.json", "{\"rows\": []}", "--against other.json: has no \"devices\""},
        {"list.json", "{\"devices\": [{\"name\": \"0:0\"}]}", "--against list.json: devices[0]: is not a record"},
        {"number.json", "{\"devices\": [3]}", "--against number.json: devices[0]: is not a record"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        shell("printf '%%s' '%s' >%s", cases[i].text, cases[i].file);
        assert_fails(2, cases[i].error, "compare --device stub --against %s " SMALL, cases[i].file);
    }
    assert_fails(2, "none.json: cannot be opened", "compare --against none.json");
    assert_fails(6, "device gpx: no such OpenCL device", "compare --device gpx");
    assert_fails(4, "/nowhere/r.html", "compare --device stub --html /nowhere/r.html " SMALL);
    assert_fails(125, "device gpx: no such OpenCL device", "compare --missing-status 125 --device gpx");
    assert_fails(2, "--missing-status takes a whole number from 0 to 125, not '126'", "compare --missing-status 126");
    assert_fails(2, "--steps takes a whole number from 1 to 1000", "compare --steps 0");
    assert_fails(2, "--timeout takes seconds", "compare --timeout soon");
    assert_fails(2, "--against needs an argument", "compare --against");
}

int main(void) {
    setenv("RUSTICL_ENABLE", "llvmpipe", 1);
    setenv("ASAN_OPTIONS", "handle_segv=0", 1);         /* a crash is to be a crash */
    cmocka_set_skip_filter(getenv("VGGCL_SKIP_TESTS")); /* for checkers; not set otherwise */
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_crashing),   cmocka_unit_test(rusticl_right),
                                       cmocka_unit_test(rusticl_wrong),  cmocka_unit_test(hanging),
                                       cmocka_unit_test(hostile_record), cmocka_unit_test(interrupted),
                                       cmocka_unit_test(bad_input)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
