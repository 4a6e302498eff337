#define _POSIX_C_SOURCE 200809L /* strnlen */
#include "options/value.h"
#include "base/text.h"
#include "nets/model.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_TEXT = 40 }; /* bytes that any number fits into as text */

/* -------------------------------------------------------------------------------------------------------- flags -- */

static enum vggcl_err set_flag(const struct vggcl_option *o, void *field, const char *text) {
    if (text && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return err_set(VGGCL_EUSAGE, "%s: takes no argument, or =yes or =no, not '%s'", o->name, text);
    *(bool *)field = !text || strcmp(text, "yes") == 0;
    return VGGCL_OK;
}

static void get_flag(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    (void)o;
    snprintf(text, size, "%s", *(const bool *)field ? "yes" : "no");
}

/* Reading a bool that is neither 0 nor 1 is undefined behaviour, so its byte is read. */
static enum vggcl_err check_flag(const struct vggcl_option *o, const void *field) {
    unsigned char byte;
    memcpy(&byte, field, sizeof byte);
    return byte <= 1 ? VGGCL_OK : err_set(VGGCL_EUSAGE, "%s: takes false or true, not the byte %d", o->name, byte);
}

/* ------------------------------------------------------------------------------------------------------ numbers -- */

/* A limit of a whole number, exactly; 2^63 stands for the largest int64_t. */
static int64_t whole(double limit) {
    return limit >= 0x1p63 ? INT64_MAX : (int64_t)limit;
}

static enum vggcl_err set_whole(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    int64_t minimum = whole(o->minimum), maximum = whole(o->maximum);
    if (end == text || *end || errno || value < minimum || value > maximum)
        return err_set(VGGCL_EUSAGE, "%s: takes a whole number from %" PRId64 " to %" PRId64 ", not '%s'", o->name,
                       minimum, maximum, text);
    if (o->kind == VGGCL_WHOLE)
        *(int *)field = (int)value;
    else
        *(int64_t *)field = value;
    return VGGCL_OK;
}

static void get_whole(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    int64_t value = o->kind == VGGCL_WHOLE ? *(const int *)field : *(const int64_t *)field;
    snprintf(text, size, "%" PRId64, value);
}

static enum vggcl_err set_real(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    double value = text_number(text, &end);
    if (end == text || *end || !(value >= o->minimum && value <= o->maximum))
        return err_set(VGGCL_EUSAGE, "%s: takes a number from %.15g to %.15g, not '%s'", o->name, o->minimum,
                       o->maximum, text);
    *(double *)field = value;
    return VGGCL_OK;
}

static void get_real(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    (void)o;
    text_print_real(text, size, *(const double *)field);
}

/* Valid if set_whole() accepts the field's text; likewise below. */
static enum vggcl_err check_whole(const struct vggcl_option *o, const void *field) {
    char text[NUMBER_TEXT];
    int64_t unused;
    get_whole(o, field, text, sizeof text);
    return set_whole(o, &unused, text);
}

static enum vggcl_err check_real(const struct vggcl_option *o, const void *field) {
    char text[NUMBER_TEXT];
    double unused;
    get_real(o, field, text, sizeof text);
    return set_real(o, &unused, text);
}

/* -------------------------------------------------------------------------------------------------------- sizes -- */

static const struct {
    const char *letter;
    uint64_t bytes;
} units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};

static enum vggcl_err set_size(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    double value = text_number(text, &end);
    int unit = 0;
    while (units[unit].bytes > 1 && strcmp(end, units[unit].letter) != 0)
        unit++;
    value *= (double)units[unit].bytes;
    if (end == text || strcmp(end, units[unit].letter) != 0 || !(value >= o->minimum && value <= o->maximum))
        return err_set(VGGCL_EUSAGE, "%s: takes a number of bytes such as 512M or 1.5G, at most %.0f, not '%s'",
                       o->name, o->maximum, text);
    *(uint64_t *)field = (uint64_t)value;
    return VGGCL_OK;
}

/* In the largest unit that gives a whole number. */
static void get_size(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    uint64_t bytes = *(const uint64_t *)field;
    int unit = 0;
    (void)o;
    while (units[unit].bytes > 1 && (!bytes || bytes % units[unit].bytes))
        unit++;
    snprintf(text, size, "%" PRIu64 "%.1s", bytes / units[unit].bytes, units[unit].letter);
}

static enum vggcl_err check_size(const struct vggcl_option *o, const void *field) {
    char text[NUMBER_TEXT];
    uint64_t unused;
    get_size(o, field, text, sizeof text);
    return set_size(o, &unused, text);
}

/* ------------------------------------------------------------------------------------------------------- shapes -- */

/* Reads a number that `end` follows, and moves *text behind that; false unless it is in minimum..maximum. */
static bool read_side(const char **text, char end, double minimum, double maximum, int *side) {
    char *behind;
    long long value = isdigit((unsigned char)**text) ? strtoll(*text, &behind, 10) : -1;
    if (value < 0 || *behind != end || (double)value < minimum || (double)value > maximum)
        return false;
    *side = (int)value;
    *text = behind + 1;
    return true;
}

static enum vggcl_err set_shape(const struct vggcl_option *o, void *field, const char *text) {
    struct vggcl_shape s;
    const char *at = text;
    if (!read_side(&at, 'x', o->minimum, o->maximum, &s.height) ||
        !read_side(&at, 'x', o->minimum, o->maximum, &s.width) || !read_side(&at, '\0', 1, 3, &s.channels) ||
        s.channels == 2)
        return err_set(VGGCL_EUSAGE,
                       "%s: takes height x width x channels such as 64x48x3, with sides from %.15g to %.15g pixels and "
                       "1 or 3 channels, not '%s'",
                       o->name, o->minimum, o->maximum, text);
    *(struct vggcl_shape *)field = s;
    return VGGCL_OK;
}

static void get_shape(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    const struct vggcl_shape *s = field;
    (void)o;
    snprintf(text, size, "%dx%dx%d", s->height, s->width, s->channels);
}

static enum vggcl_err check_shape(const struct vggcl_option *o, const void *field) {
    char text[NUMBER_TEXT];
    struct vggcl_shape unused;
    get_shape(o, field, text, sizeof text);
    return set_shape(o, &unused, text);
}

/* -------------------------------------------------------------------------------------------------------- texts -- */

static enum vggcl_err takes_bytes(const struct vggcl_option *o) {
    return err_set(VGGCL_EUSAGE, "%s: takes at most %.0f bytes", o->name, o->maximum - 1);
}

static enum vggcl_err set_text(const struct vggcl_option *o, void *field, const char *text) {
    if (strlen(text) >= (size_t)o->maximum)
        return takes_bytes(o);
    strcpy(field, text);
    return VGGCL_OK;
}

static void get_text(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    snprintf(text, size, "%.*s", (int)o->maximum, (const char *)field);
}

static enum vggcl_err check_text(const struct vggcl_option *o, const void *field) {
    return memchr(field, '\0', (size_t)o->maximum) ? VGGCL_OK : takes_bytes(o);
}

static enum vggcl_err set_model(const struct vggcl_option *o, void *field, const char *text) {
    struct model unused;
    TRY(model_find(text, &unused));
    return set_text(o, field, text);
}

static enum vggcl_err check_model(const struct vggcl_option *o, const void *field) {
    struct model unused;
    TRY(check_text(o, field));
    return model_find(field, &unused);
}

enum vggcl_err value_append(const struct vggcl_option *o, struct vggcl_config *config, const char *text) {
    char *field = (char *)config + o->offset;
    size_t used = strnlen(field, (size_t)o->maximum);
    if (used + 1 + strlen(text) >= (size_t)o->maximum)
        return takes_bytes(o);
    snprintf(field + used, (size_t)o->maximum - used, ",%s", text);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ choices -- */

static enum vggcl_err set_choice(const struct vggcl_option *o, void *field, const char *text) {
    for (int i = 0; o->choices[i]; i++)
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)field = i;
            return VGGCL_OK;
        }
    return err_choice(o->name, o->choices, text);
}

/* The chosen word; NULL if the field is out of range. */
static const char *choice(const struct vggcl_option *o, const void *field) {
    int position = *(const int *)field, count = 0;
    while (o->choices[count])
        count++;
    return position >= 0 && position < count ? o->choices[position] : NULL;
}

static void get_choice(const struct vggcl_option *o, const void *field, char *text, size_t size) {
    const char *word = choice(o, field);
    snprintf(text, size, "%s", word ? word : "");
}

static enum vggcl_err check_choice(const struct vggcl_option *o, const void *field) {
    char position[NUMBER_TEXT];
    snprintf(position, sizeof position, "position %d", *(const int *)field);
    return choice(o, field) ? VGGCL_OK : err_choice(o->name, o->choices, position);
}

/* -------------------------------------------------------------------------------------------------------- kinds -- */

static const struct kind {
    enum vggcl_err (*set)(const struct vggcl_option *o, void *field, const char *text);
    void (*get)(const struct vggcl_option *o, const void *field, char *text, size_t size);
    enum vggcl_err (*check)(const struct vggcl_option *o, const void *field);
} kinds[] = {
    [VGGCL_FLAG] = {set_flag, get_flag, check_flag},         [VGGCL_WHOLE] = {set_whole, get_whole, check_whole},
    [VGGCL_WHOLE64] = {set_whole, get_whole, check_whole},   [VGGCL_REAL] = {set_real, get_real, check_real},
    [VGGCL_SIZE] = {set_size, get_size, check_size},         [VGGCL_TEXT] = {set_text, get_text, check_text},
    [VGGCL_LIST] = {set_text, get_text, check_text},         [VGGCL_CHOICE] = {set_choice, get_choice, check_choice},
    [VGGCL_RECIPE] = {set_choice, get_choice, check_choice}, [VGGCL_SHAPE] = {set_shape, get_shape, check_shape},
    [VGGCL_MODEL] = {set_model, get_text, check_model},
};

enum vggcl_err value_set(const struct vggcl_option *o, struct vggcl_config *config, const char *text) {
    return kinds[o->kind].set(o, (char *)config + o->offset, text);
}

void value_get(const struct vggcl_option *o, const struct vggcl_config *config, char *text, size_t size) {
    kinds[o->kind].get(o, (const char *)config + o->offset, text, size);
}

enum vggcl_err value_check(const struct vggcl_option *o, const struct vggcl_config *config) {
    return kinds[o->kind].check(o, (const char *)config + o->offset);
}
