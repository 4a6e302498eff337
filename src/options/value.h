/* value.h - an option's value: set from text, written as text, and checked, each by the option's kind. */
#ifndef VGGCL_OPTIONS_VALUE_H
#define VGGCL_OPTIONS_VALUE_H

#include "base/err.h"

/* None of these is for an option of kind VGGCL_INCLUDE, which has no field. */

/* Sets config's field of option o; text may be NULL for a flag. VGGCL_EUSAGE, naming the option and what it takes. */
enum vggcl_err value_set(const struct vggcl_option *o, struct vggcl_config *config, const char *text);

/* Appends a comma and text to the field of a VGGCL_LIST. */
enum vggcl_err value_append(const struct vggcl_option *o, struct vggcl_config *config, const char *text);

/* Writes the field as value_set() takes it. "" for a choice that is out of range. */
void value_get(const struct vggcl_option *o, const struct vggcl_config *config, char *text, size_t size);

/* VGGCL_EUSAGE, naming the option and what it takes, if the field holds what value_set() would not have set. Any bytes
 * are safe to check. */
enum vggcl_err value_check(const struct vggcl_option *o, const struct vggcl_config *config);

#endif
