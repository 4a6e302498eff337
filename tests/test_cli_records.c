/* vggcl compare --against without a device: records that the test writes are judged and compared with earlier ones; the
 * verdict's exit status, JUnit's XML and Markdown. tests/test_cli_compare.c measures devices. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Each member that is not given is usual. */
struct record {
    const char *name, *status, *network, *losses, *tolerance, *more;
    double train, least, largest; /* images per second; the evaluation's are twice these */
};

static void put_record(FILE *file, struct record r) {
    const char *losses = r.losses ? r.losses : "[2.3, 2.2]", *network = r.network ? r.network : "vgg11, width 0.25";
    fprintf(file,
            "{\"device\": {\"index\": 0, \"selector\": \"0:0\", \"name\": \"%s\", \"platform\": \"P\", "
            "\"driver\": \"1\"}, ",
            r.name ? r.name : "A");
    fprintf(file, "\"status\": \"%s\", \"faults\": [], \"parts\": [], \"seconds\": 1.5, %s",
            r.status ? r.status : "passed", r.more ? r.more : "");
    fprintf(file, "\"losses\": {\"network\": \"%s\", \"device\": %s, \"reference\": [2.3, 2.2], \"tolerance\": %s}",
            network, losses, r.tolerance ? r.tolerance : "[1e-6, 1e-6]");
    if (r.train > 0)
        fprintf(file,
                ", \"benchmark\": {\"model\": \"vgg11\", \"width\": 0.25, \"storage\": \"float\", \"batch\": 8, "
                "\"shape\": \"32x32x3\", \"classes\": 10, \"network\": \"%s\", \"train_images_per_s\": %g, "
                "\"eval_images_per_s\": %g, \"train_spread\": {\"median\": 1, \"least\": 1, \"largest\": 1}, "
                "\"eval_spread\": {\"median\": 1, \"least\": 1, \"largest\": 1}, \"peak_flops_per_s\": 1, "
                "\"copy_bytes_per_s\": 1, \"device_bytes\": 1, \"layers\": [], \"rounds\": ["
                "{\"train_images_per_s\": %g, \"eval_images_per_s\": %g, \"first_step_s\": 1}, "
                "{\"train_images_per_s\": %g, \"eval_images_per_s\": %g, \"first_step_s\": 1}]}",
                network, r.train, 2 * r.train, r.least, 2 * r.least, r.largest, 2 * r.largest);
    fputc('}', file);
}

static FILE *open_file(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    return file;
}

/* A file of this version, with one or two records; of the second one, name may be NULL. */
static void write_two(const char *name, struct record a, struct record b) {
    FILE *file = open_file(name);
    fputs("{\"schema\": 1, \"vggcl\": {\"version\": \"0.1.0\", \"commit\": null}, \"host\": {\"name\": \"there\", "
          "\"system\": "
          "\"Linux\", \"cpu\": null, \"cores\": 4}, \"time\": \"2026-11-29T10:11:12Z\", \"command\": [\"vggcl\"], "
          "\"slower_than\": null, \"verdict\": \"right\", \"faults\": [], \"devices\": [",
          file);
    put_record(file, a);
    if (b.name) {
        fputs(", ", file);
        put_record(file, b);
    }
    fputs("]}\n", file);
    assert_int_equal(fclose(file), 0);
}

static void write_record(const char *name, struct record r) {
    write_two(name, r, (struct record){0});
}

/* Runs a command of the shell; its output is in `output`. */
static void shell(const char *command) {
    if (vggcl("version >/dev/null; { %s; }", command) != 0)
        fail_msg("%s: %s", command, output);
}

static void check_files(void) {
    shell("/usr/bin/python3 " VGGCL_SOURCE_DIR "/tests/records.py schema " VGGCL_SOURCE_DIR
          "/data/compare.schema.json out.json");
    shell("/usr/bin/python3 " VGGCL_SOURCE_DIR "/tests/records.py junit out.xml");
}

/* No driver is loaded: this one never returns from a list of its devices. */
static int use_hanging_driver(void **state) {
    if (make_folder(state) != 0)
        return -1;
    char path[128];
    FILE *file = open_file("stub.icd");
    fprintf(file, "%s\n", VGGCL_STUB_ICD);
    snprintf(path, sizeof path, "%s/stub.icd", folder);
    return fclose(file) != 0 || setenv("OCL_ICD_VENDORS", path, 1) != 0 || setenv("VGGCL_STUB", "hang-listing", 1) != 0;
}

/* -------------------------------------------------------------------------------------------------- the verdict -- */

static void statuses(void **state) {
    (void)state;
    static const struct {
        const char *status, *verdict;
        int exit_status;
    } cases[] = {{"passed", "right", 0}, {"wrong", "wrong", 1},   {"crashed", "crashed", 4},
                 {"hung", "hung", 4},    {"failed", "failed", 8}, {"interrupted", "interrupted", 130},
                 {"slower", "right", 0}, {"odd", "failed", 8}};
    write_record("good.json", (struct record){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64];
        write_record("bad.json", (struct record){.status = cases[i].status, .more = "\"error\": \"why\", "});
        snprintf(line, sizeof line, "verdict: %s\n", cases[i].verdict);
        assert_int_equal(vggcl("compare --against good.json bad.json"), cases[i].exit_status);
        assert_says(line);
        if (cases[i].exit_status && cases[i].exit_status != 130)
            assert_says("vggcl: error: 1 of 1 devices did not pass: 0:0 A [bad.json]: why\n");
        /* An earlier record that failed does not fail today's. */
        assert_int_equal(vggcl("compare --against bad.json good.json"), 0);
        assert_says("verdict: right\n");
    }
}

/* Records of the first version, without anything but the devices; a "file" marks those that were earlier even then. */
static void earlier_version(void **state) {
    (void)state;
    FILE *file = open_file("old.json");
    fputs("{\"devices\": [", file);
    put_record(file, (struct record){.train = 900, .least = 890, .largest = 910});
    fputs(", ", file);
    put_record(file, (struct record){.status = "failed", .more = "\"file\": \"older.json\", "});
    fputs("]}\n", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(vggcl("compare --against old.json --junit out.xml"), 0);
    assert_int_equal(vggcl("compare --against old.json old.json --json 2>/dev/null > out.json; exit $?"), 0);
    shell("grep -c '\"earlier\": true' out.json; grep -c '\"measured\"' out.json || true");
    assert_string_equal(output, "3\n0\n");
}

/* --------------------------------------------------------------------------------------------------------- speed -- */

static void slower(void **state) {
    (void)state;
    write_record("a.json", (struct record){.train = 900, .least = 890, .largest = 910});
    write_record("b.json", (struct record){.train = 800, .least = 795, .largest = 805});
    write_record("noisy.json", (struct record){.train = 700, .least = 600, .largest = 895});
    assert_int_equal(
        vggcl("compare --slower-than 10%% --junit out.xml --against a.json b.json --json 2>errors >out.json; "
              "e=$?; cat errors; exit $e"),
        7);
    assert_says("did not pass: 0:0 A [b.json]: train 800 images/s (795 to 805), 11 % slower than 900 (890 to 910); "
                "eval 1600 images/s (1590 to 1610), 11 % slower than 1800 (1780 to 1820); earlier: a.json\n");
    check_files();
    shell("grep -c '<failure type=\"slower\"' out.xml; grep '\"verdict\"' out.json");
    assert_says("2\n  \"verdict\": \"slower\"");
    assert_int_equal(vggcl("compare --slower-than 12 --against a.json b.json"), 0);
    assert_says("0:0 A [b.json]: train 800 images/s");
    assert_int_equal(vggcl("compare --against a.json b.json"), 0);
    assert_int_equal(vggcl("compare --slower-than 10 --against b.json a.json"), 0);
    assert_says("12 % faster than 800");
    /* The ranges overlap. The last of the earlier records counts. */
    assert_int_equal(vggcl("compare --slower-than 10 --against a.json noisy.json"), 0);
    assert_says("train 700 images/s (600 to 895), 22 % slower than 900 (890 to 910), within the noise;");
    assert_int_equal(vggcl("compare --slower-than 10 --against b.json a.json b.json"), 7);
    assert_int_equal(vggcl("compare --slower-than 10 --against a.json b.json b.json"), 0);
}

/* A gate that compares nothing does not pass. */
static void nothing_to_compare(void **state) {
    (void)state;
    static const struct record others[] = {
        {.name = "B", .train = 900, .least = 900, .largest = 900},
        {.network = "vgg16, width 0.25", .train = 900, .least = 900, .largest = 900},
    };
    write_record("b.json", (struct record){.train = 800, .least = 795, .largest = 805});
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_record("other.json", others[i]);
        assert_fails(2, "--slower-than: no earlier record has the speed of one of these devices",
                     "compare --slower-than 10 --against other.json b.json");
        assert_int_equal(vggcl("compare --against other.json b.json"), 0);
    }
    write_record("other.json", (struct record){0});
    assert_fails(2, "--slower-than: the earlier records of --against have no speed",
                 "compare --slower-than 10 --against other.json b.json");
    assert_fails(2, "--slower-than: the earlier records of --against have no speed",
                 "compare --slower-than 10 --all --against other.json"); /* before the driver, which hangs, is loaded */
}

/* -------------------------------------------------------------------------------------------------------- losses -- */

static void devices_differ(void **state) {
    (void)state;
    write_two("today.json", (struct record){.losses = "[2.3, 2.2]"},
              (struct record){.name = "B", .losses = "[2.3, 2.2000015]"}); /* beyond one tolerance, not their sum */
    assert_int_equal(vggcl("compare --against today.json"), 0);
    write_two("today.json", (struct record){.losses = "[2.3, 2.2]"},
              (struct record){.name = "B", .losses = "[2.3, 2.200003]"});
    assert_int_equal(
        vggcl("compare --against today.json --junit out.xml --json 2>errors >out.json; e=$?; cat errors; exit $e"), 1);
    assert_says(
        "vggcl: error: 0:0 A [today.json] and 0:0 B [today.json] train differently: their losses of step 2, 2.2 "
        "and 2.200003, differ by more than the sum of their tolerances, 2.0e-06\n");
    check_files();
    /* The same with an earlier record, unless that one failed, or is of another network. */
    write_record("a.json", (struct record){0});
    write_record("b.json", (struct record){.name = "B", .losses = "[2.3, 2.200003]"});
    assert_fails(1, "0:0 B [b.json] and 0:0 A [a.json] train differently", "compare --against a.json b.json");
    write_record("a.json", (struct record){.status = "wrong"});
    assert_int_equal(vggcl("compare --against a.json b.json"), 0);
    write_record("a.json", (struct record){.network = "vgg16, width 0.25"});
    assert_int_equal(vggcl("compare --against a.json b.json"), 0);
    write_record("a.json", (struct record){.losses = "[2.3, null]"});
    assert_fails(1, "the loss or the tolerance of step 2 is missing", "compare --against a.json b.json");
    write_two("a.json", (struct record){.losses = "[9, 2.2]"}, (struct record){.name = "C"}); /* both earlier */
    write_record("b.json", (struct record){.name = "B", .network = "vgg16, width 0.25"});
    assert_int_equal(vggcl("compare --against a.json b.json"), 0);
}

/* --------------------------------------------------------------------------------------------------------- files -- */

#define HOSTILE "<b>|*x*_]]>&amp;\\\"'\\u001b[2J\\uffff\\ud83d\\ude00\\n@x"

/* Texts of a record may hold anything. */
static void hostile(void **state) {
    (void)state;
    write_two("h.json",
              (struct record){.name = HOSTILE,
                              .status = HOSTILE,
                              .more = "\"error\": \"" HOSTILE
                                      "\", \"selfcheck\": {\"checks\": 1, \"failed\": [{\"operator\": "
                                      "\"" HOSTILE "\", \"kernels\": 3, \"fault\": \"" HOSTILE "\"}, 7]}, ",
                              .train = 1},
              (struct record){.name = "B", .status = "wrong", .losses = "\"none\"", .more = "\"cold_start_s\": {}, "});
    assert_int_equal(vggcl("compare --against h.json --junit out.xml --markdown out.md"), 1);
    assert_null(strchr(output, '\033'));
    shell("/usr/bin/python3 " VGGCL_SOURCE_DIR "/tests/records.py junit out.xml; cat out.md");
    assert_null(strchr(output, '\033'));
    assert_null(strstr(output, "<b>"));
    assert_says("| 0:0 \\<b\\>\\|\\*x\\*\\_\\]\\]\\>\\&amp;\"'?\\[2J\xef\xbf\xbf\xf0\x9f\x98\x80?\\@x \\[h.json\\] | ");
    shell("tail -n +2 out.md | grep '^|' | sed 's/[\\\\]|//g; s/[^|]//g' | sort | uniq -c");
    assert_says("      4 |||||||||||||||||\n"); /* each row has all cells */
    shell("grep -cE '<error type=\"&lt;b&gt;[|]\\*x\\*_]]&gt;&amp;amp;&quot;&#39;[?]\\[2J[?]{3}' out.xml");
}

/* What is written is whole, and replaces what was there; and says where and when each record was measured. */
static void written(void **state) {
    (void)state;
    write_record("a.json", (struct record){.train = 900, .least = 890, .largest = 910});
    shell("echo before | tee out.md > out.xml");
    assert_int_equal(
        vggcl("compare --against a.json a.json --json --junit out.xml --markdown out.md 2>/dev/null >out.json; "
              "exit $?"),
        0);
    check_files();
    shell("grep -o 'timestamp=\"2026-11-29T10:11:12\" hostname=\"there\"' out.xml; head -n 3 out.md");
    assert_says(
        "timestamp=\"2026-11-29T10:11:12\" hostname=\"there\"\n### vggcl compare: right\n\n| device | status | ");
    assert_int_equal(vggcl("compare --against a.json --junit /nowhere/out.xml"), 5);
    assert_says("/nowhere/out.xml");
}

static void wrong_flags(void **state) {
    (void)state;
    write_record("a.json", (struct record){0});
    static const char *const shares[] = {"", "x", "10%x", "%", "100%", "-1", "nan"};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        assert_int_equal(vggcl("compare --against a.json a.json --slower-than '%s'", shares[i]), 2);
        assert_says("--slower-than takes a percentage from 0 to 99, such as 10%, not '");
    }
    assert_fails(2, "--slower-than needs an earlier record", "compare --slower-than 10 --all");
    assert_fails(2, "--slower-than needs an earlier record", "compare --slower-than 10 --against a.json");
    assert_fails(2, "--slower-than needs the speed, which --only start,losses leaves out",
                 "compare --slower-than 10 --all --against a.json --only start,losses");
    assert_fails(2, "--rounds takes a whole number from 1 to 100, not '0'", "compare --rounds 0");
    static const char *const parts[] = {"", "speeds", "speed,", ",speed", "spee", "speed,,losses", "speed losses"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_fails(2, "--only takes start, selfcheck, losses and speed, separated by commas, not '",
                     "compare --only '%s'", parts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(statuses),       cmocka_unit_test(earlier_version),
                                       cmocka_unit_test(slower),         cmocka_unit_test(nothing_to_compare),
                                       cmocka_unit_test(devices_differ), cmocka_unit_test(hostile),
                                       cmocka_unit_test(written),        cmocka_unit_test(wrong_flags)};
    return cmocka_run_group_tests(tests, use_hanging_driver, remove_folder);
}
