/* JUnit's XML, by the schemas of Jenkins (junit-10.xsd) and Apache Ant, which GitLab and GitHub's actions read too: a
 * <testsuite> for each device that is not earlier, a <testcase> for each part, for each operator that failed and for
 * the speed; and a last <testsuite> with the verdict on all. */
#define _POSIX_C_SOURCE 200809L /* strdup, open_memstream */
#include "base/file.h"
#include "base/text.h"
#include "cli/compare/judge.h"
#include "cli/page.h"
#include "cli/compare/records.h"
#include "cli/compare/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes text as XML 1.0 takes it: without control characters and U+FFFE and U+FFFF, with the others escaped. */
static void put(FILE *stream, const char *text) {
    char *clean = strdup(text);
    if (!clean)
        return;
    text_make_printable(clean, "\n\t");
    for (char *at = clean; (at = strstr(at, "\xef\xbf")); at += 2)
        if ((unsigned char)at[2] >= 0xbe)
            memset(at, '?', 3);
    page_put_text(stream, clean);
    free(clean);
}

static void put_attribute(FILE *stream, const char *name, const char *text) {
    fprintf(stream, " %s=\"", name);
    put(stream, text);
    fputc('"', stream);
}

/* The test cases of a suite, and how many there are of them. */
struct suite {
    FILE *cases;
    char *text;
    size_t size;
    int tests, failures, errors;
    double seconds;
    char name[RECORD_NAME];
};

/* Adds a test case. status: of a part or a device; what the driver did wrong is a failure, what kept it from being
 * checked an error. */
static void add_case(struct suite *s, const char *name, double seconds, const char *status, const char *why) {
    const bool failed = strcmp(status, "wrong") == 0 || strcmp(status, "slower") == 0;
    const bool passed = strcmp(status, "passed") == 0 || strcmp(status, "right") == 0;
    const char *element = failed ? "failure" : "error";
    s->tests++;
    s->failures += failed;
    s->errors += !failed && !passed;
    s->seconds += seconds > 0 ? seconds : 0;
    fputs("    <testcase", s->cases);
    put_attribute(s->cases, "classname", s->name);
    put_attribute(s->cases, "name", name);
    fprintf(s->cases, " time=\"%.3f\"", seconds > 0 ? seconds : 0);
    if (passed) {
        fputs("/>\n", s->cases);
        return;
    }
    fprintf(s->cases, ">\n      <%s", element);
    put_attribute(s->cases, "type", status);
    put_attribute(s->cases, "message", why);
    fputc('>', s->cases);
    put(s->cases, why);
    fprintf(s->cases, "</%s>\n    </testcase>\n", element);
}

static void add_parts(struct suite *s, const json_t *record) {
    const json_t *parts = json_object_get(record, "parts");
    char why[RECORD_WHY];
    size_t i;
    json_t *part;
    record_why(record, why);
    json_array_foreach(parts, i, part) add_case(s, json_text_of(part, "name"), json_number_of(part, "seconds"),
                                                json_text_of(part, "status"), json_text_of(part, "text"));
    if (!json_array_size(parts)) /* of earlier versions; add_speed() says what is slower */
        add_case(s, "all parts", json_number_of(record, "seconds"),
                 record_is(record, "slower") ? "passed" : json_text_of(record, "status"), why);
}

static void add_operators(struct suite *s, const json_t *record) {
    size_t i;
    json_t *check;
    char name[256];
    json_array_foreach(json_object_get(json_object_get(record, "selfcheck"), "failed"), i, check) {
        snprintf(name, sizeof name, "selfcheck: %s (%s) of %s", json_text_of(check, "operator"),
                 json_text_of(check, "kernels"), json_text_of(check, "shape"));
        add_case(s, name, 0, "wrong", json_text_of(check, "fault"));
    }
}

static void add_speed(struct suite *s, const json_t *record) {
    const json_t *speed = json_object_get(record, "speed_against");
    if (speed)
        add_case(s, "speed against an earlier record", 0, record_is(record, "slower") ? "slower" : "passed",
                 json_text_of(speed, "text"));
}

/* ------------------------------------------------------------------------------------------------------- suites -- */

static void put_property(FILE *stream, const char *name, const char *value) {
    fputs("      <property", stream);
    put_attribute(stream, "name", name);
    put_attribute(stream, "value", value);
    fputs("/>\n", stream);
}

/* measured: where and when. device: NULL for all. */
static void put_properties(FILE *stream, const json_t *measured, const json_t *device) {
    const json_t *vggcl = json_object_get(measured, "vggcl"), *host = json_object_get(measured, "host");
    fputs("    <properties>\n", stream);
    put_property(stream, "vggcl.version", json_text_of(vggcl, "version"));
    put_property(stream, "vggcl.commit", json_text_of(vggcl, "commit"));
    put_property(stream, "host.system", json_text_of(host, "system"));
    put_property(stream, "host.cpu", json_text_of(host, "cpu"));
    if (device) {
        put_property(stream, "device.platform", json_text_of(device, "platform"));
        put_property(stream, "device.driver", json_text_of(device, "driver"));
    }
    fputs("    </properties>\n", stream);
}

/* The time as "2026-11-29T21:30:00", in UTC: Ant's schema allows no time zone. */
static void put_timestamp(FILE *stream, const json_t *measured) {
    char text[20] = "";
    snprintf(text, sizeof text, "%s", json_text_of(measured, "time"));
    put_attribute(stream, "timestamp", strlen(text) == 19 ? text : "1970-01-01T00:00:00");
}

static void put_suite(FILE *stream, const struct suite *s, int id, const json_t *measured, const json_t *device) {
    const char *host = json_text_of(json_object_get(measured, "host"), "name");
    fputs("  <testsuite", stream);
    put_attribute(stream, "name", s->name);
    fprintf(stream, " package=\"vggcl.compare\" id=\"%d\" tests=\"%d\" failures=\"%d\" errors=\"%d\" time=\"%.3f\"", id,
            s->tests, s->failures, s->errors, s->seconds);
    put_timestamp(stream, measured);
    put_attribute(stream, "hostname", *host ? host : "localhost");
    fputs(">\n", stream);
    put_properties(stream, measured, device);
    fputs(s->text, stream);
    fputs("    <system-out/>\n    <system-err/>\n  </testsuite>\n", stream);
}

static enum vggcl_err begin(struct suite *s) {
    s->cases = open_memstream(&s->text, &s->size);
    return s->cases ? VGGCL_OK : err_no_memory("a test suite", 0);
}

/* Writes the suite's test cases, and frees them. */
static enum vggcl_err end(struct suite *s, FILE *stream, int id, const json_t *measured, const json_t *device) {
    enum vggcl_err err = fclose(s->cases) == 0 ? VGGCL_OK : err_no_memory("a test suite", 0);
    if (err == VGGCL_OK)
        put_suite(stream, s, id, measured, device);
    free(s->text);
    return err;
}

static enum vggcl_err put_device(FILE *stream, const json_t *answer, const json_t *record, int id) {
    struct suite s = {0};
    const json_t *measured = json_object_get(record, "measured"), *device = json_object_get(record, "device");
    TRY(begin(&s));
    snprintf(s.name, sizeof s.name, "%s %s", json_text_of(device, "selector"), json_text_of(device, "name"));
    add_parts(&s, record);
    add_operators(&s, record);
    add_speed(&s, record);
    return end(&s, stream, id, measured ? measured : answer, device);
}

static enum vggcl_err put_verdict(FILE *stream, const json_t *answer, int id) {
    struct suite s = {.name = "vggcl compare"};
    TRY(begin(&s));
    judge_explain(answer);
    add_case(&s, "verdict", 0, json_text_of(answer, "verdict"), vggcl_error());
    return end(&s, stream, id, answer, NULL);
}

static enum vggcl_err put_all(FILE *stream, const json_t *answer) {
    int id = 0;
    size_t i;
    json_t *record;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", stream);
    json_array_foreach(json_object_get(answer, "devices"), i, record) {
        if (!record_is_earlier(record))
            TRY(put_device(stream, answer, record, id++));
    }
    TRY(put_verdict(stream, answer, id));
    fputs("</testsuites>\n", stream);
    return VGGCL_OK;
}

enum vggcl_err report_junit(const char *path, const json_t *answer) {
    struct file_write file;
    TRY(file_write_begin(&file, &folder_current, path));
    enum vggcl_err err = put_all(file.stream, answer);
    if (err == VGGCL_OK)
        return file_write_commit(&file);
    file_write_abandon(&file);
    return err;
}
