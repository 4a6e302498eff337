/* config_file.h - options as a JSON object: {"recipe": "fast", "lr": 0.1, "nesterov": true, ...}. Only this file knows
 * JSON; what the members mean is the caller's. */
#ifndef VGGCL_OPTIONS_CONFIG_FILE_H
#define VGGCL_OPTIONS_CONFIG_FILE_H

#include "base/err.h"

#include <stdio.h>

/* A member of the object, its value as vggcl_config_set() takes it. */
struct config_setting {
    char *name, *text;
};
struct config_settings {
    struct config_setting *list;
    size_t count;
};

/* Reads the members of the file at path, in its order. VGGCL_EIO or VGGCL_EFORMAT, naming the file and the line or the
 * member, if it cannot be read, is not such an object, has a member twice or one that is a list or an object. Call
 * config_settings_free() in any case. */
enum vggcl_err config_file_read(const char *path, struct config_settings *settings);
void config_settings_free(struct config_settings *settings);

/* Writes a value, as vggcl_config_get() gives it, as JSON: a flag as true or false, a number with all its digits. False
 * if memory is out. */
bool config_file_value(FILE *file, enum vggcl_option_kind kind, const char *text);

#endif
