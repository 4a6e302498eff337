#define _POSIX_C_SOURCE 200809L /* strdup */
#include "options/config_file.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20, VALUE_TEXT = VGGCL_PATH_MAX };

bool config_file_value(FILE *file, enum vggcl_option_kind kind, const char *text) {
    if (kind == VGGCL_FLAG)
        return fputs(strcmp(text, "yes") == 0 ? "true" : "false", file) >= 0;
    if (kind == VGGCL_WHOLE || kind == VGGCL_WHOLE64 || kind == VGGCL_REAL)
        return fputs(text, file) >= 0;
    json_t *json = json_make_text(text);
    char *string = json_print(json, 0);
    bool written = string && fputs(string, file) >= 0;
    free(string);
    json_decref(json);
    return written;
}

/* A value as vggcl_config_set() takes it: an integer may stand for a real number; and a real number for an integer if
 * it is below 2^53, beyond which it may be another one than the file's. */
static bool value_text(const json_t *value, char text[VALUE_TEXT]) {
    int length = -1;
    if (json_is_boolean(value))
        length = snprintf(text, VALUE_TEXT, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        length = snprintf(text, VALUE_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        length = text_print(text, VALUE_TEXT, fabs(json_real_value(value)) < 0x1p53 ? "%.17g" : "%.17e",
                            json_real_value(value));
    else if (json_is_string(value))
        length = snprintf(text, VALUE_TEXT, "%s", json_string_value(value));
    return length >= 0 && length < VALUE_TEXT;
}

static enum vggcl_err add(struct config_settings *settings, const char *path, const char *name, const json_t *value) {
    char text[VALUE_TEXT];
    if (!value_text(value, text))
        return err_set(VGGCL_EFORMAT, "%s: the value of %.64s is not a text, a number, true or false", path, name);
    struct config_setting *s = &settings->list[settings->count++];
    *s = (struct config_setting){strdup(name), strdup(text)};
    return s->name && s->text ? VGGCL_OK : err_no_memory("the options of a file", strlen(text));
}

static enum vggcl_err add_all(struct config_settings *settings, const char *path, json_t *all) {
    const char *name;
    json_t *value;
    size_t bytes = (json_object_size(all) + 1) * sizeof *settings->list;
    settings->list = malloc(bytes);
    if (!settings->list)
        return err_no_memory("the options of a file", bytes);
    json_object_foreach(all, name, value) TRY(add(settings, path, name, value));
    return VGGCL_OK;
}

enum vggcl_err config_file_read(const char *path, struct config_settings *settings) {
    char *text;
    size_t size;
    json_t *all;
    *settings = (struct config_settings){NULL, 0};
    TRY(file_read(path, FILE_LIMIT, &text, &size));
    enum vggcl_err err = json_read(text, size, path, &all);
    free(text);
    if (err == VGGCL_OK)
        err = json_is_object(all) ? add_all(settings, path, all)
                                  : err_set(VGGCL_EFORMAT, "%s: is not a JSON object of options", path);
    json_decref(all);
    return err;
}

void config_settings_free(struct config_settings *settings) {
    for (size_t i = 0; i < settings->count; i++) {
        free(settings->list[i].name);
        free(settings->list[i].text);
    }
    free(settings->list);
    *settings = (struct config_settings){NULL, 0};
}
