#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "train/config_file.h"
#include "base/file.h"
#include "train/config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20 };

/* Writes a value as vggcl_config_get() gives it, as JSON that says what it is: numbers as they are, to the last bit. */
static void write_value(FILE *file, const struct vggcl_option *o, const char *text) {
    if (o->kind == VGGCL_FLAG)
        fputs(strcmp(text, "yes") == 0 ? "true" : "false", file);
    else if (o->kind == VGGCL_WHOLE || o->kind == VGGCL_WHOLE64 || o->kind == VGGCL_REAL)
        fputs(text, file);
    else {
        json_t *string = json_string(text);
        if (!string || json_dumpf(string, file, JSON_ENCODE_ANY) != 0)
            fputs("\"\"", file); /* no UTF-8, which is all that JSON has */
        json_decref(string);
    }
}

/* A value as vggcl_config_set() takes it. A whole number may stand for a real one. */
static bool value_text(const json_t *value, char text[CONFIG_TEXT]) {
    int length = -1;
    if (json_is_boolean(value))
        length = snprintf(text, CONFIG_TEXT, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value))
        length = snprintf(text, CONFIG_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        length = snprintf(text, CONFIG_TEXT, "%.17g", json_real_value(value));
    else if (json_is_string(value))
        length = snprintf(text, CONFIG_TEXT, "%s", json_string_value(value));
    return length >= 0 && length < CONFIG_TEXT;
}

char *vggcl_config_text(const struct vggcl_config *config) {
    size_t count, size;
    const struct vggcl_option *options = vggcl_options(&count);
    const char *between = "{\n";
    char *all = NULL, text[CONFIG_TEXT];
    FILE *file = open_memstream(&all, &size);
    if (!file) {
        err_no_memory("the options", sizeof text);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        if (!(options[i].flags & VGGCL_STORED) || options[i].kind == VGGCL_LIST)
            continue;
        vggcl_config_get(config, options[i].name, text, sizeof text);
        fprintf(file, "%s  \"%s\": ", between, options[i].name);
        write_value(file, &options[i], text);
        between = ",\n";
    }
    fputs("\n}", file);
    if (fclose(file) == 0)
        return all;
    err_no_memory("the options", size);
    free(all);
    return NULL;
}

static enum vggcl_err take(struct vggcl_config *config, const char *path, const char *name, const json_t *value) {
    char text[CONFIG_TEXT];
    if (!value_text(value, text))
        return err_set(VGGCL_EFORMAT, "%s: what it says of %.64s is no text, number, true or false", path, name);
    if (config_suggest(config, name, text) == VGGCL_OK)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: %s", path, vggcl_error());
}

enum vggcl_err config_read(struct vggcl_config *config, const char *path) {
    enum vggcl_err err = VGGCL_OK;
    char *text;
    size_t size;
    json_error_t error;
    const char *name;
    json_t *value;
    TRY(file_read(path, FILE_LIMIT, &text, &size));
    json_t *all = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!json_is_object(all)) {
        err = err_set(VGGCL_EFORMAT, "%s: line %d: is no JSON object of options: %s", path, all ? 1 : error.line,
                      all ? "it is something else" : error.text);
        goto done;
    }
    json_object_foreach(all, name, value) TRY_GOTO(take(config, path, name, value), done);
done:
    json_decref(all);
    return err;
}
