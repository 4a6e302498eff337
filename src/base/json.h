/* json.h - JSON values are made, printed and read by this file alone, so that none of it fails on what a file, a driver
 * or a path says: a number that is not finite becomes null; each byte of a text that is not valid UTF-8 becomes U+FFFD;
 * what is read is bounded before memory is allocated. */
#ifndef VGGCL_BASE_JSON_H
#define VGGCL_BASE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stdio.h>

/* ----------------------------------------------------------------------------------------------------- making -- */

/* These return NULL only if memory is out. What is made of NULL is NULL too, so that only the whole needs a check.
 * Texts may be NULL, which becomes null. */
json_t *json_make_text(const char *text);
json_t *json_make_number(double value);
json_t *json_make_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* JSON_MAKE({"name", json_make_text(name)}, {"images", json_integer(count)}, ...) is an object of these members, whose
 * values it takes over. */
struct json_pair {
    const char *key;
    json_t *value;
};
#define JSON_MAKE(...) json_make_object((const struct json_pair[]){__VA_ARGS__, {NULL, NULL}})
json_t *json_make_object(const struct json_pair *members); /* ended by a NULL key */

/* Add to an array or object that is owned by the caller, and take over value. *array, *object become NULL if memory is
 * out. */
void json_add(json_t **array, json_t *value);
void json_put(json_t **object, const char *key, json_t *value);

/* --------------------------------------------------------------------------------------------- printing, reading -- */

/* A string member of an object; "" if it is missing or not a string. A number; NaN likewise. */
const char *json_text_of(const json_t *object, const char *key);
double json_number_of(const json_t *object, const char *key);

/* The text of a value, which the caller frees; NULL if memory is out. flags: jansson's, JSON_INDENT(2), ... */
char *json_print(const json_t *value, size_t flags);

/* The most values and levels of nesting that are read: a state of the largest network has about 4000 values, and
 * jansson takes about 100 bytes for each. */
enum { JSON_MOST_VALUES = 1 << 18, JSON_MOST_LEVELS = 32 };

/* Reads size bytes of text into *value, which the caller owns. VGGCL_EFORMAT, naming `from` and the line, if it is not
 * JSON, has a member twice, more than JSON_MOST_VALUES values or JSON_MOST_LEVELS levels. */
enum vggcl_err json_read(const char *text, size_t size, const char *from, json_t **value);

#endif
