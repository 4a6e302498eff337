#include "cli/compare/records.h"
#include "base/file.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 24 };

double record_element(const json_t *object, const char *key, size_t i) {
    const json_t *value = json_array_get(json_object_get(object, key), i);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

bool record_is(const json_t *record, const char *status) {
    return strcmp(json_text_of(record, "status"), status) == 0;
}

enum verdict record_verdict(const json_t *record) {
    if (record_is(record, "passed"))
        return VERDICT_RIGHT;
    for (enum verdict v = VERDICT_MISSING; v < VERDICTS; v++)
        if (record_is(record, verdict_word(v)))
            return v;
    return VERDICT_FAILED;
}

bool record_is_earlier(const json_t *record) {
    return json_is_true(json_object_get(record, "earlier"));
}

void record_name(const json_t *record, char name[RECORD_NAME]) {
    const json_t *device = json_object_get(record, "device");
    const char *file = json_text_of(record, "file");
    snprintf(name, RECORD_NAME, "%s %s%s%s%s", json_text_of(device, "selector"), json_text_of(device, "name"),
             *file ? " [" : "", file, *file ? "]" : "");
    text_make_printable(name, "");
}

void record_printable(const json_t *object, const char *key, char *text, size_t size) {
    snprintf(text, size, "%s", json_text_of(object, key));
    text_make_printable(text, "");
}

void record_why(const json_t *record, char why[RECORD_WHY]) {
    const char *error = json_text_of(record, "error");
    const char *fault = json_string_value(json_array_get(json_object_get(record, "faults"), 0));
    const char *slower = json_text_of(json_object_get(record, "speed_against"), "text");
    const char *text = *error ? error : fault ? fault : record_is(record, "slower") ? slower : "";
    snprintf(why, RECORD_WHY, "%.*s", (int)strcspn(text, "\n"), text);
    text_make_printable(why, "");
}

/* ------------------------------------------------------------------------------------------------- reading files -- */

/* Where and when a file's records were measured; NULL if the file does not say it, as those of earlier versions. */
static json_t *measured(const json_t *file) {
    json_t *from = json_object();
    static const char *const keys[] = {"vggcl", "host", "time"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(file, keys[i]);
        if (value)
            json_put(&from, keys[i], json_incref(value));
    }
    if (json_object_size(from) == sizeof keys / sizeof *keys)
        return from;
    json_decref(from);
    return NULL;
}

static void mark(json_t **record, const json_t *file, const char *path, bool earlier) {
    bool was_earlier = record_is_earlier(*record) ||
                       (json_object_get(*record, "file") && !json_object_get(file, "schema")); /* earlier versions */
    json_t *from = json_object_get(*record, "measured") ? NULL : measured(file);
    if (record_is(*record, "slower")) /* than another record, which is judged anew */
        json_put(record, "status", json_make_text("passed"));
    if (*record)
        json_object_del(*record, "speed_against");
    json_put(record, "file", json_make_text(path));
    json_put(record, "earlier", json_boolean(earlier || was_earlier));
    if (from)
        json_put(record, "measured", from);
}

static bool is_record(const json_t *value) {
    return *json_text_of(json_object_get(value, "device"), "name") && *json_text_of(value, "status");
}

enum vggcl_err records_read(json_t *records, const char *path, bool earlier) {
    enum vggcl_err err = VGGCL_OK;
    json_t *file, *record;
    char *bytes, from[VGGCL_PATH_MAX];
    size_t size, i;
    TRY(file_read(path, FILE_LIMIT, &bytes, &size));
    snprintf(from, sizeof from, "--against %s", path);
    err = json_read(bytes, size, from, &file);
    free(bytes);
    TRY(err);
    const json_t *devices = json_object_get(file, "devices");
    if (!json_is_array(devices))
        err = err_set(VGGCL_EFORMAT, "--against %s: has no \"devices\"; vggcl compare --json makes such files", path);
    json_array_foreach(devices, i, record) {
        json_t *copy = json_incref(record);
        if (!is_record(record))
            err =
                err_set(VGGCL_EFORMAT, "--against %s: devices[%zu]: is not a record of vggcl compare --json", path, i);
        else
            mark(&copy, file, path, earlier);
        if (json_array_append_new(records, copy) != 0)
            err = err_no_memory("the records", 0);
        if (err != VGGCL_OK)
            break;
    }
    json_decref(file);
    return err;
}
