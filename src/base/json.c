#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------------- making -- */

json_t *json_make_text(const char *text) {
    json_t *json = text ? json_string(text) : json_null();
    if (json)
        return json;
    size_t size = TEXT_REPLACEMENT * strlen(text) + 1;
    char *valid = malloc(size);
    if (!valid)
        return NULL;
    text_utf8(valid, size, text);
    json = json_string(valid);
    free(valid);
    return json;
}

json_t *json_make_number(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_make_format(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = text_print_list(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(arguments, format);
    text_print_list(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    json_t *json = json_make_text(text);
    free(text);
    return json;
}

void json_add(json_t **array, json_t *value) {
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

void json_put(json_t **object, const char *key, json_t *value) {
    if (json_object_set_new(*object, key, value) == 0)
        return;
    json_decref(*object);
    *object = NULL;
}

json_t *json_make_object(const struct json_pair *members) {
    json_t *object = json_object();
    for (const struct json_pair *m = members; m->key; m++)
        json_put(&object, m->key, m->value);
    return object;
}

/* --------------------------------------------------------------------------------------------- printing, reading -- */

const char *json_text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double json_number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

char *json_print(const json_t *value, size_t flags) {
    return value ? json_dumps(value, flags | JSON_ENCODE_ANY) : NULL;
}

/* The position behind the string that begins at `at`, at most size. */
static size_t skip_string(const char *text, size_t size, size_t at) {
    for (at++; at < size && text[at] != '"'; at++)
        at += text[at] == '\\';
    return at < size ? at + 1 : size;
}

/* Counts before anything is parsed: a value begins the text or follows a bracket or a comma. */
static enum vggcl_err check_size(const char *text, size_t size, const char *from) {
    size_t values = 1, levels = 0, at = 0;
    while (at < size) {
        char c = text[at];
        bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';
        values += opens || c == ',';
        levels = opens ? levels + 1 : levels - (closes && levels);
        if (values > JSON_MOST_VALUES)
            return err_set(VGGCL_EFORMAT, "%s: has more than %d JSON values", from, JSON_MOST_VALUES);
        if (levels > JSON_MOST_LEVELS)
            return err_set(VGGCL_EFORMAT, "%s: has JSON nested more than %d levels deep", from, JSON_MOST_LEVELS);
        at = c == '"' ? skip_string(text, size, at) : at + 1;
    }
    return VGGCL_OK;
}

enum vggcl_err json_read(const char *text, size_t size, const char *from, json_t **value) {
    json_error_t error;
    *value = NULL;
    TRY(check_size(text, size, from));
    *value = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (*value)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: line %d, column %d: is not valid JSON: %s", from, error.line, error.column,
                   error.text);
}
