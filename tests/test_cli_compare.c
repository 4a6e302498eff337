/* vggcl compare, on PoCL and on Mesa's rusticl: correct devices, one that gives wrong results, drivers that crash or
 * hang, records read from files, and the HTML page in a browser. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "browser.h"
#include "program.h"
#include "vggcl.h"

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

/* What a record of a device that is right has of the selfcheck and the losses. */
static void assert_right(const json_t *record, bool others_right) {
    const json_t *check = json_object_get(record, "selfcheck"), *losses = json_object_get(record, "losses");
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
}

/* All that the record of a device that is right has. */
static void assert_complete(const json_t *record, bool others_right) {
    const json_t *bench = json_object_get(record, "benchmark");
    assert_right(record, others_right);
    assert_true(number_of(bench, "train_images_per_s") > 0 && number_of(bench, "eval_images_per_s") > 0);
    assert_true(number_of(bench, "peak_flops_per_s") > 0 && number_of(bench, "copy_bytes_per_s") > 0);
    assert_true(number_of(bench, "flops_share") > 0 && number_of(bench, "bytes_share") > 0);
    double train = number_of(bench, "train_images_per_s"), bound = number_of(bench, "train_bound_images_per_s");
    assert_float_equal(number_of(bench, "train_bound_share"), train / bound, 1e-6);
    assert_true(number_of(bench, "train_bound_share") > 0 && number_of(bench, "eval_bound_share") > 0);
    assert_true(number_of(bench, "device_bytes") > 0);
    assert_int_equal(json_array_size(json_object_get(bench, "layers")), 20);
    assert_true(number_of(record, "cold_start_s") > number_of(record, "warm_start_s"));
}

/* The JSON is valid by its schema, JUnit's XML by what its readers take. */
static void check_files(const char *json, const char *junit) {
    shell("/usr/bin/python3 %s/tests/records.py schema %s/data/compare.schema.json %s", VGGCL_SOURCE_DIR,
          VGGCL_SOURCE_DIR, json);
    shell("/usr/bin/python3 %s/tests/records.py junit %s", VGGCL_SOURCE_DIR, junit);
}

static void assert_verdict(const json_t *all, const char *verdict) {
    assert_string_equal(json_string_value(json_object_get(all, "verdict")), verdict);
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
    assert_int_equal(
        vggcl("compare --all --only selfcheck,losses,speed --quick --json --html r.html --junit r.xml " SMALL
              " 2>errors >crash.json; exit $?"),
        4);
    json_t *all = read_records("crash.json"), *stub = record_of(all, "stub");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 2);
    assert_right(record_of(all, "Portable"), false);
    assert_status(stub, "crashed");
    assert_string_equal(json_string_value(json_object_get(stub, "error")),
                        "selfcheck: killed by SIGSEGV (Segmentation fault)");
    assert_verdict(all, "crashed");
    json_decref(all);
    check_files("crash.json", "r.xml");
    shell("grep -c '<error type=\"crashed\" message=\"killed by SIGSEGV' r.xml >count; test $(cat count) = 1");
    shell("grep -q '  first losses  ' errors && grep -q 'stub <b>.*killed by SIGSEGV' errors");

    browser_show("r.html");
    assert_int_equal(count_of("<td class=\"crashed\">crashed</td>"), 1);
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 1);
    assert_says("stub &lt;b&gt;&amp;\"device\"</span>");
    assert_says("<span class=\"crashed\">crashed</span>");
    browser_fits("r.html");
}

static void rusticl_right(void **state) {
    (void)state;
    use_drivers(true, false);
    vggcl("devices");
    if (!strstr(output, "rusticl"))
        fail_msg("there is no rusticl: ci/packages.sh test installs it (mesa-opencl-icd)");
    assert_int_equal(
        vggcl("compare --all --quick --json --html r.html --junit r.xml " SMALL " 2>errors >both.json; exit $?"), 0);
    json_t *all = read_records("both.json");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 2);
    assert_complete(record_of(all, "Portable"), true);
    assert_complete(record_of(all, "rusticl"), true);
    assert_verdict(all, "right");
    json_decref(all);
    check_files("both.json", "r.xml");
    shell("grep -q '  first losses  ' errors");

    browser_show("r.html");
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
    assert_int_equal(
        vggcl("compare --all --only selfcheck,losses --quick --kernel-dir kernels --html r.html --junit r.xml "
              "--json --against both.json " SMALL " 2>errors >three.json; exit $?"),
        1);
    json_t *all = read_records("three.json"), *rusticl = record_of(all, "rusticl"), *stub = record_of(all, "stub");
    assert_int_equal(json_array_size(json_object_get(all, "devices")), 3 + 2);
    assert_right(record_of(all, "Portable"), false);
    assert_status(rusticl, "wrong");
    assert_true(number_of(json_object_get(rusticl, "selfcheck"), "failures") > 0);
    assert_int_equal(json_array_size(json_object_get(rusticl, "faults")), 2); /* an operator, and a loss */
    assert_status(stub, "crashed");
    assert_string_equal(json_string_value(json_object_get(stub, "error")),
                        "selfcheck: killed by SIGSEGV (Segmentation fault)");
    assert_verdict(all, "wrong");
    json_decref(all);
    check_files("three.json", "r.xml");
    shell("grep -q 'name=\"selfcheck: .* (gemm_local/gemm_local) of ' r.xml && test $(grep -c 'type=\"wrong\"' r.xml) "
          "-ge 4");
    shell("grep -q '^vggcl: error: 2 of 3 devices did not pass: .*llvmpipe.*: gives wrong results: .*"
          "(gemm_local/gemm_local)' errors && grep -q 'stub <b>.*killed by SIGSEGV' errors");

    browser_show("r.html");
    assert_int_equal(count_of("<td class=\"crashed\">crashed</td>"), 1);
    assert_int_equal(count_of("<td class=\"wrong\">wrong</td>"), 1);
    assert_int_equal(count_of("<td class=\"passed\">passed</td>"), 1 + 2);
    assert_says("stub &lt;b&gt;&amp;\"device\"</span>");
    assert_says("(both.json)</span>");
    browser_fits("r.html");
}

/* Writes stored records of two devices, the second of which is twice as slow and, in one step, off by 1e-3. */
static void write_stored(const char *name) {
    static const char record[] =
        "{\"device\": {\"index\": 0, \"selector\": \"%d:0\", \"name\": \"Device %c of a name that is long enough to be "
        "broken somewhere\", \"platform\": \"p\", \"driver\": \"d\"}, \"status\": \"passed\", \"faults\": [], "
        "\"parts\": "
        "[], \"seconds\": 1, \"losses\": {\"network\": \"n\", \"device\": [2.5, 2.25, %g], \"reference\": [2.5, 2.25, "
        "2], "
        "\"tolerance\": [0.01, 0.01, 0.01], \"from_others\": [0, 0, 0.001]}, \"benchmark\": {\"model\": \"vgg11\", "
        "\"width\": 1, \"batch\": 8, \"network\": \"n\", \"layers\": [{\"name\": \"conv1\", \"type\": \"conv\", "
        "\"forward_s\": %g, \"data_gradient_s\": 0, \"weight_gradient_s\": 0}]}}";
    FILE *stream = fopen(name, "w");
    assert_non_null(stream);
    fputs("{\"devices\": [", stream);
    fprintf(stream, record, 0, 'A', 2.0, 0.01);
    fputs(", ", stream);
    fprintf(stream, record, 1, 'B', 2.001, 0.02);
    fputs("]}", stream);
    assert_int_equal(fclose(stream), 0);
}

/* Width of the n-th bar, from 0. */
static double bar_width(int n) {
    const char *at = output;
    for (int i = 0; i <= n; i++) {
        at = strstr(at, "class=\"bar\"");
        assert_non_null(at);
        at++;
    }
    at = strstr(at, " width=\"");
    assert_non_null(at);
    return strtod(at + strlen(" width=\""), NULL);
}

/* What the page says at the top, and its charts' scales. */
static void page(void **state) {
    (void)state;
    char name[128], text[128];
    snprintf(name, sizeof name, "%s/stored.json", folder);
    write_stored(name);
    vggcl("compare --against stored.json --html 'stored page.html' --json 2>errors >stored-all.json; exit $?");
    shell("cp 'stored page.html' stored.html");
    browser_show("stored.html");
    static const char *const says[] = {"<span class=\"right\">right</span>", "All devices give right results.",
                                       "<dt>Date</dt>", "<dt>Host</dt>", "--html 'stored page.html'",
                                       /* ticks of both kinds of axes, and a place for what has no logarithm */
                                       ">2.0</text>", ">1e-3</text>", ">1e-2</text>", ">0</text>", "class=\"zero\"",
                                       "nats, logarithmic scale", "All devices have the same scale"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (!strstr(output, says[i]))
            fail_msg("the page has no '%s'", says[i]);
    snprintf(text, sizeof text, "<dt>Version</dt><dd>vggcl %s", VGGCL_VERSION);
    assert_says(text);
    assert_true(bar_width(0) > 100 && fabs(bar_width(3) - 2 * bar_width(0)) < 1);
    browser_fits("stored.html");
}

static void hanging(void **state) {
    (void)state;
    use_drivers(false, true);
    setenv("VGGCL_STUB", "hang", 1);
    int status = vggcl("compare --device stub --timeout 1 --markdown r.md " SMALL);
    int again = vggcl("compare --device stub --timeout 1 --json --junit r.xml " SMALL " 2>errors >hang.json; exit $?");
    unsetenv("VGGCL_STUB");
    assert_int_equal(status, 4);
    assert_int_equal(again, 4);
    json_t *all = read_records("hang.json");
    assert_verdict(all, "hung");
    json_decref(all);
    check_files("hang.json", "r.xml");
    shell("grep -q 'type=\"hung\"' r.xml && grep -q 'hung' r.md");
    shell("grep -q 'cold start: hangs: not done within 1 s' errors");
    /* The live line fits the terminal. */
    assert_int_equal(vggcl_on_terminal(40, 40, "compare --device stub " SMALL), 4);
    assert_in_range(widest_line(output, "1/1  cold start"), 1, 39);
}

/* Multiplies all speeds of a record by a factor, and writes it to another file. */
static void scale_speeds(const char *from, double factor, const char *to) {
    static const char *const keys[] = {"train_images_per_s", "eval_images_per_s"};
    char path[128];
    json_t *all = read_records(from), *record, *round;
    size_t i, k;
    json_array_foreach(json_object_get(all, "devices"), i, record) {
        json_t *benchmark = json_object_get(record, "benchmark");
        for (size_t key = 0; key < 2; key++) {
            json_object_set_new(benchmark, keys[key], json_real(factor * number_of(benchmark, keys[key])));
            json_array_foreach(json_object_get(benchmark, "rounds"), k, round)
                json_object_set_new(round, keys[key], json_real(factor * number_of(round, keys[key])));
        }
    }
    snprintf(path, sizeof path, "%s/%s", folder, to);
    assert_int_equal(json_dump_file(all, path, 0), 0);
    json_decref(all);
}

/* Two devices take turns; a record that is much faster makes a device slower. PoCL has as many devices as are named. */
static void speeds(void **state) {
    (void)state;
    use_drivers(false, false);
    assert_int_equal(vggcl("devices"), 0);
    setenv("POCL_DEVICES", strstr(output, " pthread-") ? "pthread pthread" : "cpu cpu", 1); /* since PoCL 4 */
    assert_int_equal(vggcl("compare --all --only speed --rounds 2 --json " SMALL " 2>errors >two.json; exit $?"), 0);
    shell("grep -o '^./2  benchmark ./2' errors | tr '\\n' ';' >order; grep -qx "
          "'1/2  benchmark 1/2;2/2  benchmark 1/2;1/2  benchmark 2/2;2/2  benchmark 2/2;' order");
    json_t *all = read_records("two.json"), *record;
    size_t i;
    json_array_foreach(json_object_get(all, "devices"), i, record) {
        const json_t *benchmark = json_object_get(record, "benchmark"), *rounds = json_object_get(benchmark, "rounds");
        assert_int_equal(json_array_size(rounds), 2);
        double sum = number_of(json_array_get(rounds, 0), "train_images_per_s") +
                     number_of(json_array_get(rounds, 1), "train_images_per_s");
        assert_true(fabs(number_of(benchmark, "train_images_per_s") / (sum / 2) - 1) < 1e-6);
        assert_null(json_object_get(record, "cold_start_s"));
        assert_null(json_object_get(record, "selfcheck"));
        assert_null(json_object_get(record, "losses"));
        assert_int_equal(json_array_size(json_object_get(record, "parts")), 1);
    }
    assert_int_equal(i, 2);
    json_decref(all);
    scale_speeds("two.json", 1000, "fast.json");
    assert_int_equal(vggcl("compare --device 0:0 --only speed --rounds 2 --slower-than 50%% --against fast.json --json "
                           "--junit r.xml " SMALL " 2>errors >slow.json; exit $?"),
                     7);
    unsetenv("POCL_DEVICES");
    all = read_records("slow.json");
    assert_verdict(all, "slower");
    assert_status(json_array_get(json_object_get(all, "devices"), 0), "slower");
    json_decref(all);
    check_files("two.json", "r.xml");
    check_files("slow.json", "r.xml");
    shell("grep -q 'error: 1 of 1 devices did not pass: 0:0 .*: train .* images/s .*, 100 %% slower than ' errors");
}

/* No such device: the files say so too. */
static void missing(void **state) {
    (void)state;
    use_drivers(false, false);
    assert_int_equal(vggcl("compare --device gpx --json --junit r.xml --markdown r.md 2>errors >missing.json; exit $?"),
                     6);
    json_t *all = read_records("missing.json");
    assert_verdict(all, "missing");
    json_decref(all);
    check_files("missing.json", "r.xml");
    shell("grep -q 'error type=\"missing\" message=\"device gpx: no such OpenCL device' r.xml && "
          "grep -q '^- device gpx: no such OpenCL device' r.md");
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
    browser_show("h.html");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_crashing),  cmocka_unit_test(rusticl_right),
                                       cmocka_unit_test(rusticl_wrong), cmocka_unit_test(hanging),
                                       cmocka_unit_test(speeds),        cmocka_unit_test(missing),
                                       cmocka_unit_test(page),          cmocka_unit_test(hostile_record),
                                       cmocka_unit_test(interrupted),   cmocka_unit_test(bad_input)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
